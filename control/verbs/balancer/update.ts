import type { BalancerId } from "#shared/base/ids.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { Transaction } from "../../storage/database.ts";
import {
  balancerOfTenant,
  updateBalancerRow,
  type BalancerRow,
} from "../../storage/queries/balancers.ts";
import { insertSecrets } from "../../storage/queries/secrets.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { ConfirmationRequired, Invalid, NameTaken, NotFound } from "../outcomes.ts";
import { bodyOf, commitRevision } from "../revision/commit-revision.ts";
import { revisionChanges } from "../revision/revision-changes.ts";
import { kept, transact, undone, type Ended } from "../transact.ts";
import { admit } from "./admit.ts";
import { balancerRecordOf, type BalancerRecord } from "./balancer-record.ts";
import { staleness, type Expected, type Stale } from "./expected.ts";
import { sealSecrets } from "./seal-secrets.ts";
import { shrinkVerdict, type Confirmable } from "./shrinkage.ts";

export interface UpdateBalancerInput extends Confirmable {
  readonly id: BalancerId;
  /** As it came, unchecked. */
  readonly definition: unknown;
  readonly expected: Expected;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type UpdateBalancerOutcome =
  | {
      readonly kind: "updated";
      readonly dryRun: boolean;
      readonly revision: number;
      readonly balancer: BalancerRecord;
      readonly warnings: readonly Problem[];
    }
  /** The definition is the stored one already: no revision was made. */
  | { readonly kind: "unchanged"; readonly balancer: BalancerRecord }
  | ConfirmationRequired
  | Invalid
  | NameTaken
  | NotFound
  | Stale;

/** Replaces a balancer's definition: a new revision. Scope `write`. */
export async function updateBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: UpdateBalancerInput,
): Promise<UpdateBalancerOutcome> {
  requireScope(actor, "write");
  const checked = checkBalancer(input.definition);
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  return transact<UpdateBalancerOutcome>(deps, actor, async (tx) => {
    const rev = await nextRevision(tx, actor.tenantId);
    const before = await balancerOfTenant(tx, actor.tenantId, input.id);
    if (before === undefined) return undone({ kind: "not-found" });
    const stale = staleness(before, input.expected);
    if (stale !== undefined) return undone(stale);
    const ended = await replace(
      deps,
      { tx, actor, rev },
      {
        before,
        written: checked.value,
        confirmShrink: input.confirmShrink,
      },
    );
    if (ended.outcome.kind !== "updated" || !input.dryRun) return ended;
    return undone({ ...ended.outcome, dryRun: true });
  });
}

interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
  readonly rev: number;
}

interface Replacement extends Confirmable {
  readonly before: BalancerRow;
  readonly written: Balancer;
}

async function replace(
  deps: VerbDeps,
  place: Place,
  { before, written, confirmShrink }: Replacement,
): Promise<Ended<UpdateBalancerOutcome>> {
  const { tx, actor } = place;
  const { tenantId } = actor;
  const { id } = before;
  const sealed = await sealSecrets(deps, actor, { definition: written, before: before.definition });
  if (!sealed.ok) return undone({ kind: "invalid", problems: sealed.problems });
  const { definition, secrets } = sealed;
  const body = bodyOf(definition);
  if (body.hash === before.hash) {
    return undone({ kind: "unchanged", balancer: balancerRecordOf(before) });
  }
  const admission = await admit(tx, tenantId, { id, definition });
  if (admission.kind !== "admitted") return undone(admission);
  const { groupId, warnings } = admission;

  await insertSecrets(tx, tenantId, secrets);
  const row = await updateBalancerRow(
    tx,
    { tenantId, id },
    {
      name: definition.name,
      groupId,
      definition,
      hash: body.hash,
      revUpdated: place.rev,
    },
  );
  const changes = revisionChanges(id, before, row);
  const verdict = await shrinkVerdict(tx, tenantId, { changes, confirmShrink });
  if (verdict.kind !== "allowed") return undone(verdict);
  await commitRevision(deps, place, {
    rev: place.rev,
    changes,
    confirmed: verdict.confirmed,
    body,
    deed: {
      action: "balancer.update",
      target: id,
      beforeHash: before.hash,
      afterHash: body.hash,
    },
  });
  const balancer = balancerRecordOf(row);
  return kept({ kind: "updated", dryRun: false, revision: place.rev, balancer, warnings });
}
