import type { ElectionSources } from "../elect/strategy.ts";
import type { ConnectionId, ListenerId } from "../engine/engine.ts";
import type { Candidate, PoolView } from "../pool/pool-view.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { CountedBytes } from "../stats/connection-counts.ts";
import type { BalancerTerms } from "./worker-protocol.ts";

/** A balancer as one worker serves it; terms and pool are replaced when the main thread says so. */
export interface ServedBalancer {
  terms: BalancerTerms;
  pool: PoolView;
  readonly sources: ElectionSources;
}

/** A client that was let in, until its connection has closed. */
export interface OpenConnection {
  readonly id: ConnectionId;
  readonly listener: ListenerId;
  readonly balancer: ServedBalancer;
  /** Names of the backends that it was tried on. */
  readonly tried: string[];
  /** The backend that holds a place for it; undefined between two dials. */
  backend: Candidate | undefined;
  isConnected: boolean;
  readonly counted: CountedBytes;
}

export interface ServedDeps {
  readonly counters: WorkerCounters;
  readonly random: () => number;
}

export function servedBalancer(
  { counters, random }: ServedDeps,
  terms: BalancerTerms,
  pool: PoolView,
): ServedBalancer {
  const { slot } = terms;
  const sources: ElectionSources = {
    random,
    inUse: (candidate) => counters.inUse(candidate.slot),
    cursor: {
      read: () => counters.readCursor(slot),
      move: (from, to) => counters.moveCursor(slot, from, to),
    },
  };
  return { terms, pool, sources };
}
