import type { Election } from "../elect/elect.ts";
import type { Requested } from "../elect/sni-pools.ts";
import type { ElectingClient } from "../elect/strategy.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { ServedBalancer } from "./served-balancer.ts";

/** Who a backend is elected for. */
interface Elected extends ElectingClient {
  readonly balancer: ServedBalancer;
  /** The name and protocols that decide; undefined where names mean nothing, as in UDP. */
  readonly requested?: Requested | undefined;
  /** Names of the backends that it was tried on. */
  readonly tried: readonly string[];
}

/**
 * Elects a backend and takes one of its places. Another worker may take the last place in between:
 * then the next one is elected, so there are at most as many rounds as candidates.
 */
export function takeBackend(counters: WorkerCounters, client: Elected): Election {
  const { balancer, requested, tried } = client;
  let passedOver: string[] | undefined;
  let wasFull = false;
  for (;;) {
    const election = balancer.electorOf(requested).elect(client, passedOver ?? tried);
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
