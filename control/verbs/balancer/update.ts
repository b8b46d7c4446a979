import type { BalancerId } from "#shared/base/ids.ts";

import { balancerOfTenant } from "../../storage/queries/balancers.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { staleness, type Expected, type Stale } from "../expected.ts";
import type { NotFound } from "../outcomes.ts";
import { transact, undone } from "../transact.ts";
import { checkNew } from "./check-new.ts";
import { replaceDefinition, type ReplaceOutcome } from "./replace.ts";
import type { Confirmable } from "./shrinkage.ts";

export interface UpdateBalancerInput extends Confirmable {
  readonly id: BalancerId;
  /** As it came, unchecked. */
  readonly definition: unknown;
  readonly expected: Expected;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type UpdateBalancerOutcome = ReplaceOutcome | NotFound | Stale;

/** Replaces a balancer's definition: a new revision. Scope `write`. */
export async function updateBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: UpdateBalancerInput,
): Promise<UpdateBalancerOutcome> {
  requireScope(actor, "write");
  const checked = checkNew(input.definition, deps.clock.nowMs());
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  return transact<UpdateBalancerOutcome>(deps, actor, async (tx) => {
    const rev = await nextRevision(tx, actor.tenantId);
    const before = await balancerOfTenant(tx, actor.tenantId, input.id);
    if (before === undefined) return undone({ kind: "not-found" });
    const stale = staleness(before, input.expected);
    if (stale !== undefined) return undone(stale);
    const place = { tx, actor, rev };
    const { confirmShrink } = input;
    const replacement = {
      before,
      written: checked.value,
      action: "balancer.update",
      confirmShrink,
    };
    const ended = await replaceDefinition(deps, place, replacement);
    if (ended.outcome.kind !== "updated" || !input.dryRun) return ended;
    return undone({ ...ended.outcome, dryRun: true });
  });
}
