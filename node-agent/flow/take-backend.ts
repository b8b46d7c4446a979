import type { Election } from "../elect/elect.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { OpenConnection } from "./open-connection.ts";

/**
 * Elects a backend and takes one of its places. Another worker may take the last place in between:
 * then the next one is elected, so there are at most as many rounds as candidates.
 */
export function takeBackend(counters: WorkerCounters, connection: OpenConnection): Election {
  const { balancer, tried } = connection;
  let passedOver: string[] | undefined;
  let wasFull = false;
  for (;;) {
    const election = balancer.elector.elect(connection, passedOver ?? tried);
    if (election.kind !== "chosen") return wasFull ? { kind: "all-full" } : election;
    const { candidate } = election;
    const acquired = counters.acquire(candidate.slot, candidate.maxConnections);
    if (acquired === "acquired") {
      balancer.remember(connection, candidate);
      return election;
    }
    if (acquired === "full") wasFull = true;
    passedOver ??= [...tried];
    passedOver.push(candidate.name);
  }
}
