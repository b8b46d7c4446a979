import { durationMs } from "#shared/base/duration.ts";
import { parseBind } from "#shared/definition/bind.ts";
import { clashes, transportOf, type SpokenBind } from "#shared/validation/bind-clash.ts";

import type { VerifiedBalancer } from "./flows.ts";

/** One call of the data plane. */
export type Step =
  | { readonly do: "start"; readonly balancer: VerifiedBalancer }
  | { readonly do: "update"; readonly balancer: VerifiedBalancer }
  | { readonly do: "remove"; readonly id: string; readonly drainTimeoutMs: number };

/** The balancer that a step is about. */
export function balancerOf(step: Step): string {
  return step.do === "remove" ? step.id : step.balancer.id;
}

/** A step, and the addresses it frees and takes. */
export interface Change {
  readonly step: Step;
  readonly freed: readonly SpokenBind[];
  readonly taken: readonly SpokenBind[];
  /** The same in two: a removal, which waits for nothing, and a start. Only updates have it. */
  readonly inTwo: readonly Change[] | undefined;
}

export function startOf(after: VerifiedBalancer): Change {
  const step: Step = { do: "start", balancer: after };
  return { step, freed: [], taken: spokenBinds(after), inTwo: undefined };
}

export function removalOf(before: VerifiedBalancer): Change {
  const drainTimeoutMs = durationMs(before.definition.drainTimeout);
  const step: Step = { do: "remove", id: before.id, drainTimeoutMs };
  return { step, freed: spokenBinds(before), taken: [], inTwo: undefined };
}

function updateOf(before: VerifiedBalancer, after: VerifiedBalancer): Change {
  return {
    step: { do: "update", balancer: after },
    freed: onlyIn(before, after),
    taken: onlyIn(after, before),
    inTwo: [removalOf(before), startOf(after)],
  };
}

/**
 * What makes one form of a balancer of another: an update in place, or two changes where it comes to
 * speak another transport. Its listeners are of another kind then, and so are its clients.
 */
export function changesOf(before: VerifiedBalancer, after: VerifiedBalancer): readonly Change[] {
  const transports = [before, after].map(({ definition }) => transportOf(definition.protocol));
  const isInPlace = transports[0] === transports[1];
  return isInPlace ? [updateOf(before, after)] : [removalOf(before), startOf(after)];
}

/** Whether `first` frees an address that `second` takes, or ends the balancer that it starts. */
export function mustPrecede(first: Change, second: Change): boolean {
  if (first === second) return false;
  if (isRestart(first.step, second.step)) return true;
  return first.freed.some((one) => second.taken.some((other) => clashes(one, other)));
}

function isRestart(first: Step, second: Step): boolean {
  return first.do === "remove" && second.do === "start" && first.id === second.balancer.id;
}

/** Whether these two cannot listen at the same time. */
export function getsInTheWay(one: VerifiedBalancer, other: VerifiedBalancer): boolean {
  const others = spokenBinds(other);
  return spokenBinds(one).some((bind) => others.some((it) => clashes(bind, it)));
}

/** The binds of `balancer` that `other` does not have. */
function onlyIn(balancer: VerifiedBalancer, other: VerifiedBalancer): readonly SpokenBind[] {
  const has = new Set(other.definition.bind.map((text) => keyOf(other, text)));
  const { bind, protocol } = balancer.definition;
  return bind
    .filter((text) => !has.has(keyOf(balancer, text)))
    .map((text) => ({ bind: parseBind(text), protocol }));
}

function keyOf({ definition }: VerifiedBalancer, bind: string): string {
  return `${definition.protocol} ${bind}`;
}

function spokenBinds({ definition }: VerifiedBalancer): readonly SpokenBind[] {
  const { bind, protocol } = definition;
  return bind.map((text) => ({ bind: parseBind(text), protocol }));
}
