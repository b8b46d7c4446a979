import type { Candidate } from "../pool/pool-view.ts";
import type { Elector } from "./elect.ts";
import { SniPools, type Requested, type SkippedBackend, type SniPoolsInput } from "./sni-pools.ts";

export interface SniElectorsInput extends SniPoolsInput {
  /** Elects from all candidates. */
  readonly everybody: () => Elector;
  /** Prepares an elector for some of the candidates. */
  readonly create: (candidates: readonly Candidate[]) => Elector;
}

/**
 * An elector for each pool that clients ask for by name, prepared when its first client comes. Each has
 * a rotation of its own: who asks for one name does not use up the turns of another.
 */
export class SniElectors {
  readonly #input: SniElectorsInput;
  readonly #pools: SniPools;
  readonly #electors = new WeakMap<readonly Candidate[], Elector>();

  constructor(input: SniElectorsInput) {
    this.#input = input;
    this.#pools = new SniPools(input);
  }

  /** Backends that no name leads to. */
  get skipped(): readonly SkippedBackend[] {
    return this.#pools.skipped;
  }

  electorOf(requested: Requested): Elector {
    const pool = this.#pools.poolOf(requested);
    if (pool === undefined) return refusing;
    if (pool === this.#input.candidates) return this.#input.everybody();
    const known = this.#electors.get(pool);
    if (known !== undefined) return known;
    const elector = this.#input.create(pool);
    this.#electors.set(pool, elector);
    return elector;
  }
}

const refusing: Elector = { elect: () => ({ kind: "name-refused" }) };
