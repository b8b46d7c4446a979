import type { Election } from "../elect/elect.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { OpenConnection } from "./served-balancer.ts";

/** What an election is held for. */
export type ElectedFor = Pick<OpenConnection, "balancer" | "client" | "tried">;

/**
 * Elects a backend and takes one of its places. Another worker may take the last place in between:
 * then the next one is elected, so there are at most as many rounds as candidates.
 */
export function takeBackend(counters: WorkerCounters, wish: ElectedFor): Election {
  const { balancer, client, tried } = wish;
  let passedOver: string[] | undefined;
  let wasFull = false;
  for (;;) {
    const election = balancer.elector.elect(client, passedOver ?? tried);
    if (election.kind !== "chosen") return wasFull ? { kind: "all-full" } : election;
    const { candidate } = election;
    const acquired = counters.acquire(candidate.slot, candidate.maxConnections);
    if (acquired === "acquired") {
      balancer.remember(client, candidate);
      return election;
    }
    if (acquired === "full") wasFull = true;
    passedOver ??= [...tried];
    passedOver.push(candidate.name);
  }
}
