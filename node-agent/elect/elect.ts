import type { Candidate } from "../pool/pool-view.ts";
import { roundRobin } from "./round-robin.ts";
import type { ElectionSources, Strategy } from "./strategy.ts";
import { weight } from "./weight.ts";

export interface ElectionInput {
  readonly strategy: StrategyName;
  /** Live and discovered backends, in the order of their names. */
  readonly candidates: readonly Candidate[];
  /** Names of those that this connection has tried already. */
  readonly tried: readonly string[];
  readonly sources: ElectionSources;
}

export type Election =
  | { readonly kind: "chosen"; readonly candidate: Candidate }
  /** Nobody is live, or only backends that never get traffic. */
  | { readonly kind: "none-live" }
  /** Backends are live, and each holds as many connections as it may. */
  | { readonly kind: "all-full" };

const strategies = { weight, roundrobin: roundRobin } satisfies Readonly<Record<string, Strategy>>;

/** The strategies that can be asked for. */
export type StrategyName = keyof typeof strategies;
export const strategyNames: readonly StrategyName[] = ["weight", "roundrobin"];

/**
 * Chooses a backend for one connection, out of those that it has not tried and that are below their
 * limit. The choice is not a reservation: whoever acts on it takes the place, and asks again with
 * the backend among the tried ones when it was taken meanwhile.
 */
export function elect(input: ElectionInput): Election {
  const { candidates, tried, sources } = input;
  const untried =
    tried.length === 0 ? candidates : candidates.filter((one) => !tried.includes(one.name));
  if (untried.length === 0) return { kind: "none-live" };
  const eligible = untried.some(hasLimit)
    ? untried.filter((one) => !isFull(one, sources))
    : untried;
  if (eligible.length === 0) return { kind: "all-full" };
  const candidate = strategies[input.strategy](eligible, sources);
  return candidate === undefined ? { kind: "none-live" } : { kind: "chosen", candidate };
}

/** Why a client gets no backend, for logs. */
export function refusalText(election: Exclude<Election, { kind: "chosen" }>): string {
  switch (election.kind) {
    case "none-live":
      return "no live backend";
    case "all-full":
      return "every live backend is at its connection limit";
  }
}

function hasLimit(candidate: Candidate): boolean {
  return candidate.maxConnections > 0;
}

function isFull(candidate: Candidate, sources: ElectionSources): boolean {
  return hasLimit(candidate) && sources.inUse(candidate) >= candidate.maxConnections;
}
