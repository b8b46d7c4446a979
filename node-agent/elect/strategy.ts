import type { Candidate } from "../pool/pool-view.ts";
import type { ElectionSources } from "./election-sources.ts";
import type { Eligibility } from "./eligibility.ts";
import type { SlowStart } from "./slow-start.ts";

/** Who is to be brought to a backend. */
export interface ElectingClient {
  /** 4 or 16 bytes; none of a client without an address, one of a Unix socket. */
  readonly address: Uint8Array;
  readonly port: number;
}

/**
 * How to choose one of several backends. Called once for a set of backends, to prepare what every
 * choice needs; returns the choice, which is asked once a client and answers with a place among
 * `backends`, or with `nobody`. Pure but for the sources.
 */
export type Strategy = (pool: ElectionPool) => Choice;
export type Choice = (client: ElectingClient) => number;

/** None of those that may be chosen is taken by the strategy. */
export const nobody = -1;

/** What a strategy works on. */
export interface ElectionPool {
  /** In the order of their names; at least one. */
  readonly backends: readonly Candidate[];
  /** Who may be chosen for the client in question. */
  readonly eligible: Eligibility;
  readonly slowStart: SlowStart;
  readonly options: StrategyTerms;
  readonly sources: ElectionSources;
}

/** Refinements of a strategy, as definitions have them; those it does not know mean nothing to it. */
export interface StrategyTerms {
  /** In proportion to weights. */
  readonly isWeighted: boolean;
  /** The client's port is hashed with its address. */
  readonly hashesPort: boolean;
  /** No more than this share of the average load; 0 is without bound. */
  readonly maxLoadPercent: number;
  /** Backends of higher priority numbers serve while fewer than this live; 0 leaves that to the strategy. */
  readonly backupBelow: number;
  /** Time in which a backend that came back reaches its full share; 0 is at once. */
  readonly slowStartMs: number;
}
