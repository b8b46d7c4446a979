import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import type { Transaction } from "../../storage/database.ts";
import { updateBalancerRow, type BalancerRow } from "../../storage/queries/balancers.ts";
import { insertSecrets } from "../../storage/queries/secrets.ts";
import type { Actor, VerbDeps } from "../actor.ts";
import type { ConfirmationRequired, Invalid, NameTaken } from "../outcomes.ts";
import { bodyOf, commitRevision } from "../revision/commit-revision.ts";
import { revisionChanges } from "../revision/revision-changes.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { admit } from "./admit.ts";
import { balancerRecordOf, type BalancerRecord } from "./balancer-record.ts";
import { sealSecrets } from "./seal-secrets.ts";
import { shrinkVerdict, type Confirmable } from "./shrinkage.ts";

/** A transaction in which the tenant's next revision was taken. */
export interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
  readonly rev: number;
}

export interface Replacement extends Confirmable {
  readonly before: BalancerRow;
  /** Checked; its secrets may be plain text. */
  readonly written: Balancer;
  /** What the revision and the audit call it. */
  readonly action: string;
}

export interface Replaced {
  readonly kind: "updated";
  readonly dryRun: boolean;
  readonly revision: number;
  readonly balancer: BalancerRecord;
  readonly warnings: readonly Problem[];
}

export type ReplaceOutcome =
  | Replaced
  /** The definition is the stored one already: no revision was made. */
  | { readonly kind: "unchanged"; readonly balancer: BalancerRecord }
  | ConfirmationRequired
  | Invalid
  | NameTaken;

/** Puts another definition in a balancer's place and commits the revision. */
export async function replaceDefinition(
  deps: VerbDeps,
  place: Place,
  { before, written, action, confirmShrink }: Replacement,
): Promise<Ended<ReplaceOutcome>> {
  const { tx, actor, rev } = place;
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
  const { name } = definition;
  const { hash } = body;
  const columns = { name, groupId, definition, hash, revUpdated: rev };
  const row = await updateBalancerRow(tx, { tenantId, id }, columns);
  const changes = revisionChanges(id, before, row);
  const verdict = await shrinkVerdict(tx, tenantId, { changes, confirmShrink });
  if (verdict.kind !== "allowed") return undone(verdict);
  const deed = { action, target: id, beforeHash: before.hash, afterHash: hash };
  const { confirmed } = verdict;
  await commitRevision(deps, place, { rev, changes, confirmed, body, deed });
  const balancer = balancerRecordOf(row);
  return kept({ kind: "updated", dryRun: false, revision: rev, balancer, warnings });
}
