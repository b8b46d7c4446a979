import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { unsupportedBy } from "#shared/definition/capability.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";
import type { PlanResult } from "#shared/wire/plan.ts";

import { deniedBy } from "../apply/denied-by.ts";
import type { Policy } from "../apply/policy.ts";
import type { CertificateOf } from "../discover/reveal-certificates.ts";
import type { DataPlane } from "./data-plane.ts";
import { plannedBinds } from "./plan-binds.ts";
import { plannedDials } from "./plan-dials.ts";
import { certain, findingOf, notLookedAt, type Seen } from "./plan-finding.ts";
import { plannedSources, type FoundBackends } from "./plan-sources.ts";

export interface BalancerPlannerDeps {
  readonly clock: Clock;
  readonly policy: Policy;
  readonly lookup: LookupFunction;
  readonly dataPlane: Pick<DataPlane, "capabilities" | "obstacles" | "status">;
  /** Values of the secrets of a balancer that runs here. */
  readonly secretsOf: (balancer: string) => ReadonlyMap<string, string>;
  /** Certificates of the control plane that are on this node. */
  readonly certificateOf: CertificateOf;
}

export interface BalancerQuestion {
  /** The balancer that it would be; null for one that does not exist yet. */
  readonly balancer: string | null;
  readonly definition: unknown;
  /** What is not known by then, in milliseconds from now, stays unknown. */
  readonly withinMs: number;
  /** Ends it early, with whatever is known. */
  readonly signal: AbortSignal;
}

/** Looks what this node would find if it were to run a balancer. Changes nothing. */
export type PlanBalancer = (question: BalancerQuestion) => Promise<PlanResult>;

export function createBalancerPlanner(deps: BalancerPlannerDeps): PlanBalancer {
  return async (question) => {
    const checked = checkBalancer(question.definition);
    if (!checked.ok) return unknownTo(checked.problems);
    const definition = checked.value;
    const unsupported = unsupportedBy(definition, deps.dataPlane.capabilities);
    const denied = deniedBy(deps.policy, definition);
    if (unsupported.length > 0) return unknownTo(unsupported, certain(denied));
    return looked(deps, { ...question, definition, denied });
  };
}

/** An agent that does not understand it all looks at nothing else. */
function unknownTo(problems: readonly Problem[], permitted: Seen = unsupportedHere): PlanResult {
  const unknown = findingOf(unsupportedHere);
  return {
    aspects: {
      supported: findingOf(certain(problems)),
      permitted: findingOf(permitted),
      ...{ bindable: unknown, discoverable: unknown, resolvable: unknown, dialable: unknown },
    },
    backends: { found: 0, tried: 0, reachable: 0 },
  };
}

const unsupportedHere = notLookedAt("", "this agent does not support the balancer");

interface Admissible extends BalancerQuestion {
  readonly definition: Balancer;
  readonly denied: readonly Problem[];
}

async function looked(deps: BalancerPlannerDeps, question: Admissible): Promise<PlanResult> {
  const { balancer, denied, withinMs } = question;
  const untilMs = deps.clock.monotonicMs() + withinMs;
  const secrets = balancer === null ? new Map<string, string>() : deps.secretsOf(balancer);
  const [bindable, found] = await Promise.all([
    seenBinds(deps, question),
    plannedSources(deps, { ...question, secrets }),
  ]);
  const dialled = await seenDials(deps, question, { ...found, untilMs });
  return {
    aspects: {
      supported: findingOf(certain([])),
      permitted: findingOf(certain(denied)),
      bindable: findingOf(bindable),
      discoverable: findingOf(found.discoverable),
      resolvable: findingOf(dialled.resolvable),
      dialable: findingOf(dialled.dialable),
    },
    backends: {
      found: found.backends.length,
      tried: dialled.tried,
      reachable: dialled.reachable,
    },
    sources: [...found.sources],
  };
}

/** What the policy forbids is not tried either. */
async function seenBinds(
  { dataPlane }: BalancerPlannerDeps,
  { balancer, definition, denied }: Admissible,
): Promise<Seen> {
  if (denied.some(({ pointer }) => pointer.startsWith("/bind/"))) {
    return notLookedAt("/bind", "the host's policy forbids it");
  }
  return certain(await plannedBinds(dataPlane, { balancer, definition }));
}

async function seenDials(
  deps: BalancerPlannerDeps,
  { definition, signal }: Admissible,
  { backends, unknown, untilMs }: FoundBackends & { readonly untilMs: number },
): ReturnType<typeof plannedDials> {
  const isDialled = definition.protocol !== "udp";
  const dialled = await plannedDials(deps, { backends, isDialled, untilMs, signal });
  const { resolvable, dialable } = dialled;
  const undialled = isDialled ? [] : notLookedAt("/protocol", "UDP backends accept nothing").doubts;
  const none = backends.length + unknown.length > 0 ? [] : [noBackends];
  return {
    ...dialled,
    resolvable: { ...resolvable, doubts: [...unknown, ...resolvable.doubts] },
    dialable: { ...dialable, doubts: [...none, ...undialled, ...unknown, ...dialable.doubts] },
  };
}

const noBackends = {
  pointer: "/discovery",
  code: "no-backends",
  detail: "the sources name no backend now",
};
