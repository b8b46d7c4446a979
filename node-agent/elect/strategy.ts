import type { Candidate } from "../pool/pool-view.ts";

/**
 * How to choose one of several backends. Gets at least one candidate, in the order of names, and
 * may choose none of them. Pure but for the sources it is given.
 */
export type Strategy = (
  eligible: readonly Candidate[],
  sources: ElectionSources,
) => Candidate | undefined;

/** What strategies look at besides the candidates. */
export interface ElectionSources {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Connections of a backend, with those that are being dialled, over all workers. */
  readonly inUse: (candidate: Candidate) => number;
  readonly cursor: RotationCursor;
}

/** A place in a rotation that all workers share. */
export interface RotationCursor {
  read(): number;
  /** False when another worker moved it meanwhile. */
  move(from: number, to: number): boolean;
}
