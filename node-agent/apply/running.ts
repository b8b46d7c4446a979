import type { FlowProblem, VerifiedBalancer } from "./flows.ts";

/**
 * What the data plane serves, by balancer id: the definition as it was last taken, which for a
 * failing balancer is its last good form. An immutable value; the applier alone replaces it.
 */
export type Running = ReadonlyMap<string, VerifiedBalancer>;

/** A balancer that does not run as wanted, and why. */
export interface Failing {
  readonly problems: readonly FlowProblem[];
  /** Whether trying again can help: the reason lies on the host, not in the definition. */
  readonly retry: boolean;
}

/** Failing balancers by id. */
export type FailingBalancers = ReadonlyMap<string, Failing>;

export function withRunning(running: Running, balancer: VerifiedBalancer): Running {
  return new Map(running).set(balancer.id, balancer);
}

export function withoutRunning(running: Running, id: string): Running {
  const next = new Map(running);
  next.delete(id);
  return next;
}
