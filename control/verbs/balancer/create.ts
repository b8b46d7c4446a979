import { newId, type BalancerId } from "#shared/base/ids.ts";
import type { Problem } from "#shared/base/problem.ts";

import type { Transaction } from "../../storage/database.ts";
import { insertBalancers } from "../../storage/queries/balancers.ts";
import { insertSecrets } from "../../storage/queries/secrets.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { transactOnce } from "../idempotent.ts";
import type { Invalid, Mismatch, NameTaken } from "../outcomes.ts";
import { bodyOf, commitRevision } from "../revision/commit-revision.ts";
import { revisionChanges } from "../revision/revision-changes.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { admit } from "./admit.ts";
import { balancerRecordOf, type BalancerRecord } from "./balancer-record.ts";
import { checkNew } from "./check-new.ts";
import { sealSecrets, type SealedDefinition } from "./seal-secrets.ts";

export interface CreateBalancerInput {
  /** As it came, unchecked. */
  readonly definition: unknown;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type CreateBalancerOutcome =
  | {
      readonly kind: "created";
      readonly dryRun: boolean;
      readonly revision: number;
      readonly balancer: BalancerRecord;
      /** What was accepted although some node, or nobody yet, can run it. */
      readonly warnings: readonly Problem[];
    }
  | Invalid
  | NameTaken
  | Mismatch;

/** Defines a balancer: a new revision. Scope `write`. */
export async function createBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: CreateBalancerInput,
): Promise<CreateBalancerOutcome> {
  requireScope(actor, "write");
  const checked = checkNew(input.definition, deps.clock.nowMs());
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  const written = { definition: checked.value, before: undefined };
  const sealed = await sealSecrets(deps, actor, written);
  if (!sealed.ok) return { kind: "invalid", problems: sealed.problems };
  const id = newId("bal", deps.ids);
  return transactOnce(deps, actor, async (tx) => {
    const ended = await storeNew(deps, { tx, actor }, { ...sealed, id });
    if (ended.outcome.kind !== "created" || !input.dryRun) return ended;
    return undone({ ...ended.outcome, dryRun: true });
  });
}

type NewBalancer = Extract<SealedDefinition, { ok: true }> & { readonly id: BalancerId };

async function storeNew(
  deps: VerbDeps,
  { tx, actor }: { readonly tx: Transaction; readonly actor: Actor },
  { id, definition, secrets }: NewBalancer,
): Promise<Ended<CreateBalancerOutcome>> {
  const { tenantId } = actor;
  const { name } = definition;
  const rev = await nextRevision(tx, tenantId);
  const admission = await admit(tx, tenantId, { id, definition });
  if (admission.kind !== "admitted") return undone(admission);
  const { groupId, warnings } = admission;
  const body = bodyOf(definition);
  await insertSecrets(tx, tenantId, secrets);
  const [row] = await insertBalancers(tx, [
    {
      tenantId,
      id,
      name,
      groupId,
      definition,
      hash: body.hash,
      revCreated: rev,
      revUpdated: rev,
    },
  ]);
  if (row === undefined) throw new Error("an insert returned no row");
  await commitRevision(
    deps,
    { tx, actor },
    {
      rev,
      changes: revisionChanges(id, undefined, row),
      body,
      deed: { action: "balancer.create", target: id, afterHash: body.hash },
    },
  );
  const balancer = balancerRecordOf(row);
  return kept({ kind: "created", dryRun: false, revision: rev, balancer, warnings });
}
