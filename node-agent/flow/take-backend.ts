import { elect, type Election } from "../elect/elect.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { OpenConnection } from "./served-balancer.ts";

/**
 * Elects a backend and takes one of its places. Another worker may take the last place in between:
 * then the next one is elected, so there are at most as many rounds as candidates.
 */
export function takeBackend(counters: WorkerCounters, connection: OpenConnection): Election {
  const { terms, pool, sources } = connection.balancer;
  const passedOver = [...connection.tried];
  let wasFull = false;
  for (;;) {
    const election = elect({
      strategy: terms.strategy,
      candidates: pool.candidates,
      tried: passedOver,
      sources,
    });
    if (election.kind !== "chosen") return wasFull ? { kind: "all-full" } : election;
    const { candidate } = election;
    const acquired = counters.acquire(candidate.slot, candidate.maxConnections);
    if (acquired === "acquired") return election;
    if (acquired === "full") wasFull = true;
    passedOver.push(candidate.name);
  }
}
