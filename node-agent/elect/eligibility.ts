import type { Candidate } from "../pool/pool-view.ts";
import type { ElectionSources } from "./election-sources.ts";

/**
 * Which backends may be chosen for the client in question: those that it has not tried and that are
 * below their limit. Made once for a set of backends; `begin` turns to the next client.
 */
export class Eligibility {
  readonly count: number;
  readonly #names: readonly string[];
  readonly #slots: Int32Array;
  readonly #limits: Int32Array;
  readonly #hasLimits: boolean;
  readonly #sources: Pick<ElectionSources, "inUse" | "readInUse">;
  readonly #loads: Int32Array;
  #tried: readonly string[] = [];

  constructor(
    backends: readonly Candidate[],
    sources: Pick<ElectionSources, "inUse" | "readInUse">,
  ) {
    this.count = backends.length;
    this.#names = backends.map(({ name }) => name);
    this.#slots = Int32Array.from(backends.map(({ slot }) => slot.index));
    this.#limits = Int32Array.from(backends.map(({ maxConnections }) => maxConnections));
    this.#hasLimits = this.#limits.some((limit) => limit > 0);
    this.#sources = sources;
    this.#loads = new Int32Array(backends.length);
  }

  /** The next client, and the names of the backends it has tried. */
  begin(tried: readonly string[]): void {
    this.#tried = tried;
  }

  /** True when nobody needs to be asked after. */
  get isEverybody(): boolean {
    return !this.#hasLimits && this.#tried.length === 0;
  }

  has(place: number): boolean {
    return !this.isFull(place) && !this.hasTried(place);
  }

  /** The same, for who has read all loads already. */
  hasWith(place: number, load: number): boolean {
    const limit = this.#limits[place] ?? 0;
    return (limit === 0 || load < limit) && !this.hasTried(place);
  }

  isFull(place: number): boolean {
    const limit = this.#limits[place] ?? 0;
    return limit > 0 && this.load(place) >= limit;
  }

  hasTried(place: number): boolean {
    return this.#tried.length > 0 && this.#tried.includes(this.#names[place] ?? "");
  }

  /** Connections of one backend. */
  load(place: number): number {
    return this.#sources.inUse(this.#slots[place] ?? 0);
  }

  /** Connections of all backends, read in one go; good until the next call. */
  loads(): Int32Array {
    this.#sources.readInUse(this.#slots, this.#loads);
    return this.#loads;
  }
}
