import { slotKey, type Candidate } from "../pool/pool-view.ts";
import { activeBackends } from "./active-backends.ts";
import type { ElectionSources } from "./election-sources.ts";
import { Eligibility } from "./eligibility.ts";
import { ipHash } from "./ip-hash.ts";
import { leastBandwidth } from "./least-bandwidth.ts";
import { leastConnections } from "./least-connections.ts";
import { rendezvousHash } from "./rendezvous-hash.ts";
import { roundRobin } from "./round-robin.ts";
import { SlowStart } from "./slow-start.ts";
import type { ElectingClient, Strategy, StrategyTerms } from "./strategy.ts";
import { weight } from "./weight.ts";

export type Election =
  | { readonly kind: "chosen"; readonly candidate: Candidate }
  /** Nobody is live, or only backends that never get traffic. */
  | { readonly kind: "none-live" }
  /** Backends are live, and each holds as many connections as it may. */
  | { readonly kind: "all-full" }
  /** No backend is for clients that ask for this name. */
  | { readonly kind: "name-refused" };

const strategies = {
  weight,
  roundrobin: roundRobin,
  leastconn: leastConnections,
  leastbandwidth: leastBandwidth,
  iphash: ipHash,
  iphash1: rendezvousHash,
} satisfies Readonly<Record<string, Strategy>>;

/** The strategies that can be asked for. */
export type StrategyName = keyof typeof strategies;
export const strategyNames: readonly StrategyName[] = [
  "weight",
  "roundrobin",
  "leastconn",
  "leastbandwidth",
  "iphash",
  "iphash1",
];

/** The refinements that can be asked for, as definitions call them. */
export const strategyOptionNames = [
  "weighted",
  "hashClientPort",
  "sticky",
  "maxLoadPercent",
  "backupBelow",
  "slowStart",
] as const;

/** How a balancer elects. */
export interface ElectionTerms extends StrategyTerms {
  readonly strategy: StrategyName;
}

export interface ElectorInput {
  readonly terms: ElectionTerms;
  /** Live and discovered backends, in the order of their names. */
  readonly candidates: readonly Candidate[];
  readonly sources: ElectionSources;
}

/** Elects from one set of backends, which it prepares for once. */
export interface Elector {
  /**
   * Chooses a backend for a client, out of those that it has not tried (by their names) and that are
   * below their limit. The choice is not a reservation: whoever acts on it takes the place, and asks
   * again when it was taken meanwhile.
   */
  elect(client: ElectingClient, tried: readonly string[]): Election;
}

/** Prepares a strategy for a set of backends: O(n log n) at most. */
export function createElector({ terms, candidates, sources }: ElectorInput): Elector {
  const backends = activeBackends(candidates, terms.backupBelow);
  if (backends.length === 0) return { elect: () => noneLive };
  const eligible = new Eligibility(backends, sources);
  const slowStart = new SlowStart(backends, terms.slowStartMs, sources);
  const choose = strategies[terms.strategy]({
    backends,
    eligible,
    slowStart,
    options: terms,
    sources,
  });
  const recall = recalling(backends, sources);
  return {
    elect: (client, tried) => {
      eligible.begin(tried);
      const known = recall(client);
      const place = known !== undefined && eligible.has(known) ? known : choose(client);
      const candidate = backends[place];
      return candidate === undefined ? refusal(eligible) : { kind: "chosen", candidate };
    },
  };
}

const noneLive = { kind: "none-live" } as const satisfies Election;
const allFull = { kind: "all-full" } as const satisfies Election;

/** Why a client gets no backend, for logs. */
export function refusalText(election: Exclude<Election, { kind: "chosen" }>): string {
  switch (election.kind) {
    case "none-live":
      return "no live backend";
    case "all-full":
      return "every live backend is at its connection limit";
    case "name-refused":
      return "no live backend serves the host name that was asked for";
  }
}

/** Full is who has places, has not been tried, and has given them all away. */
function refusal(eligible: Eligibility): Election {
  let isSomebodyFull = false;
  for (let place = 0; place < eligible.count; place += 1) {
    if (eligible.hasTried(place)) continue;
    if (!eligible.isFull(place)) return noneLive;
    isSomebodyFull = true;
  }
  return isSomebodyFull ? allFull : noneLive;
}

/** Finds the place of the backend that a client is remembered to have had. */
function recalling(
  backends: readonly Candidate[],
  { remembered }: ElectionSources,
): (client: ElectingClient) => number | undefined {
  if (remembered === undefined) return () => undefined;
  const places = new Map(backends.map(({ slot }, place) => [slotKey(slot), place]));
  return ({ address }) => {
    const key = remembered.find(address);
    return key === undefined ? undefined : places.get(key);
  };
}
