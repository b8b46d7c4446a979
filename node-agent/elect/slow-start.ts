import type { Candidate } from "../pool/pool-view.ts";
import type { ElectionSources } from "./election-sources.ts";

/** Where a share begins: what came back gets a trickle at once, or nobody would see it work. */
const shareMin = 0.01;

/**
 * The shares of backends that have come back or are new: from a hundredth to all of what is due to
 * them, growing evenly over the time that the balancer gives them.
 */
export class SlowStart {
  readonly #liveSinceMs: Float64Array;
  readonly #durationMs: number;
  readonly #sources: Pick<ElectionSources, "nowMs" | "random">;
  readonly #steadyAtMs: number;

  constructor(
    backends: readonly Candidate[],
    durationMs: number,
    sources: Pick<ElectionSources, "nowMs" | "random">,
  ) {
    this.#durationMs = durationMs;
    this.#sources = sources;
    this.#liveSinceMs = Float64Array.from(backends.map(({ liveSinceMs }) => liveSinceMs));
    this.#steadyAtMs = this.#latest() + durationMs;
  }

  /** True when everybody has their full share. */
  get isOver(): boolean {
    return this.#durationMs === 0 || this.#sources.nowMs() >= this.#steadyAtMs;
  }

  /** From `shareMin` to 1. */
  share(place: number): number {
    if (this.#durationMs === 0) return 1;
    const liveMs = this.#sources.nowMs() - (this.#liveSinceMs[place] ?? 0);
    return Math.min(1, Math.max(shareMin, liveMs / this.#durationMs));
  }

  /** True for as many clients as the backend's share is. */
  admits(place: number): boolean {
    const share = this.share(place);
    return share === 1 || this.#sources.random() < share;
  }

  /**
   * The same for clients that shall stay where they are: `hash` decides, so that a client moves once,
   * when the share has grown to it.
   */
  admitsHash(place: number, hash: number): boolean {
    return hash / 2 ** 32 < this.share(place);
  }

  #latest(): number {
    return this.#liveSinceMs.reduce(
      (latest, since) => Math.max(latest, since),
      Number.NEGATIVE_INFINITY,
    );
  }
}
