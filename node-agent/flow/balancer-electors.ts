import { createElector, type Elector } from "../elect/elect.ts";
import type { ElectionSources } from "../elect/election-sources.ts";
import type { PatternShelf } from "../elect/pattern-shelf.ts";
import { SniElectors } from "../elect/sni-electors.ts";
import type { Requested, SkippedBackend, SniTerms } from "../elect/sni-pools.ts";
import { addressHash } from "../pool/address-hash.ts";
import type { Candidate, PoolView, SlotRef } from "../pool/pool-view.ts";
import type { StickyTable } from "../pool/sticky-table.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { BalancerTerms } from "./worker-protocol.ts";

export interface BalancerElectorsInput {
  readonly terms: Pick<BalancerTerms, "slot" | "election" | "sni">;
  readonly pool: PoolView;
  readonly counters: WorkerCounters;
  readonly random: () => number;
  readonly nowMs: () => number;
  readonly sticky: StickyTable | undefined;
  readonly patterns: PatternShelf;
  /** Backends that no name leads to; told once, with the first client that asks for a name. */
  readonly onSkipped: (skipped: readonly SkippedBackend[]) => void;
}

/**
 * How a balancer elects from one view of its pool. Everything is prepared when the first client comes
 * that needs it: pools may change faster than clients come.
 */
export class BalancerElectors {
  readonly #input: BalancerElectorsInput;
  #everybody: Elector | undefined;
  #byName: SniElectors | undefined;

  constructor(input: BalancerElectorsInput) {
    this.#input = input;
  }

  /** Elects among those who serve a client that has asked for this; undefined asks for nothing. */
  electorOf(requested: Requested | undefined): Elector {
    const { sni } = this.#input.terms;
    if (requested === undefined || sni === undefined) return this.#all();
    this.#byName ??= this.#named(sni);
    return this.#byName.electorOf(requested);
  }

  #all(): Elector {
    this.#everybody ??= this.#among(this.#input.pool.candidates, this.#input.terms.slot);
    return this.#everybody;
  }

  #named(sni: SniTerms): SniElectors {
    const { terms, pool, patterns, onSkipped } = this.#input;
    const electors = new SniElectors({
      terms: sni,
      candidates: pool.candidates,
      patterns,
      everybody: () => this.#all(),
      create: (candidates) => this.#among(candidates, rotationOf(candidates) ?? terms.slot),
    });
    onSkipped(electors.skipped);
    return electors;
  }

  /** `rotation` is the slot in whose memory the turns are kept, for all workers. */
  #among(candidates: readonly Candidate[], rotation: SlotRef): Elector {
    const { terms } = this.#input;
    return createElector({ terms: terms.election, candidates, sources: this.#sources(rotation) });
  }

  #sources(rotation: SlotRef): ElectionSources {
    const { counters, random, nowMs, sticky, terms } = this.#input;
    return {
      random,
      nowMs,
      inUse: (backend) => counters.inUse(backend),
      readInUse: (backends, into) => counters.readInUse(backends, into),
      rate: (backend) => counters.rate(backend),
      measurement: () => counters.measurement(terms.slot),
      cursor: {
        read: () => counters.readCursor(rotation),
        move: (from, to) => counters.moveCursor(rotation, from, to),
      },
      remembered: sticky,
    };
  }
}

/**
 * Each pool turns in the memory of one of its backends, which all workers find by its members' names.
 * Pools of different names share no backend and so no turns; where patterns let pools overlap, two of
 * them rarely do.
 */
function rotationOf(candidates: readonly Candidate[]): SlotRef | undefined {
  const names = new TextEncoder().encode(candidates.map(({ name }) => name).join());
  return candidates[addressHash(names, 0) % candidates.length]?.slot;
}
