import type { Problem } from "#shared/base/problem.ts";

import type { Transaction } from "../../storage/database.ts";
import { deleteBalancers, insertBalancers } from "../../storage/queries/balancers.ts";
import { netChangesOfTenant } from "../../storage/queries/revisions.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { shrinkVerdict, type Confirmable } from "../balancer/shrinkage.ts";
import { transactOnce } from "../idempotent.ts";
import type { ConfirmationRequired, Invalid, Mismatch, NotFound } from "../outcomes.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { commitRevision } from "./commit-revision.ts";
import { restorationOf, type Restoration } from "./restoration.ts";
import { revisionChanges } from "./revision-changes.ts";
import { revisionRecordOf, type RevisionRecord } from "./revision-record.ts";

export interface RollbackInput extends Confirmable {
  /** The revision whose balancers come back; 0 is the empty beginning. */
  readonly rev: number;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type RollbackOutcome =
  | {
      readonly kind: "rolled-back";
      readonly dryRun: boolean;
      /** The new revision. */
      readonly revision: RevisionRecord;
      readonly warnings: readonly Problem[];
    }
  /** The balancers are as they were then: no revision was made. */
  | { readonly kind: "unchanged" }
  /** What could run then cannot any more: pointers are `/balancers/<id>/…`. */
  | Invalid
  | ConfirmationRequired
  | NotFound
  | Mismatch;

/** Makes the balancers what they were at a revision: a new revision. Scope `write`. */
export async function rollbackRevision(
  deps: VerbDeps,
  actor: Actor,
  input: RollbackInput,
): Promise<RollbackOutcome> {
  requireScope(actor, "write");
  return transactOnce(deps, actor, async (tx) => {
    const rev = await nextRevision(tx, actor.tenantId);
    if (input.rev < 0 || input.rev >= rev) return undone({ kind: "not-found" });
    const ended = await restore(deps, { tx, actor, rev }, input);
    if (ended.outcome.kind !== "rolled-back" || !input.dryRun) return ended;
    return undone({ ...ended.outcome, dryRun: true });
  });
}

interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
  readonly rev: number;
}

async function restore(
  deps: VerbDeps,
  place: Place,
  { rev: target, confirmShrink }: RollbackInput,
): Promise<Ended<RollbackOutcome>> {
  const { tx, actor, rev } = place;
  const { tenantId } = actor;
  const since = await netChangesOfTenant(tx, tenantId, { after: target, upTo: rev - 1 });
  if (since.length === 0) return undone({ kind: "unchanged" });
  const restoration = await restorationOf(tx, { tenantId, rev }, since);
  if (restoration.problems.length > 0) {
    return undone({ kind: "invalid", problems: restoration.problems });
  }
  await replaceBalancers(place, restoration);
  const changes = restoration.balancers.flatMap(({ id, now, past }) =>
    revisionChanges(id, now, past),
  );
  const verdict = await shrinkVerdict(tx, tenantId, { changes, confirmShrink });
  if (verdict.kind !== "allowed") return undone(verdict);
  const row = await commitRevision(deps, place, {
    rev,
    changes,
    confirmed: verdict.confirmed,
    deed: { action: "revision.rollback", target: String(target) },
  });
  const { warnings } = restoration;
  return kept({ kind: "rolled-back", dryRun: false, revision: revisionRecordOf(row), warnings });
}

/** First all go, then the past ones come: two that swapped their names are never in each other's way. */
async function replaceBalancers({ tx, actor }: Place, { balancers }: Restoration): Promise<void> {
  const ids = balancers.map(({ id }) => id);
  await deleteBalancers(tx, actor.tenantId, ids);
  await insertBalancers(
    tx,
    balancers.flatMap(({ past }) => (past === undefined ? [] : [past])),
  );
}
