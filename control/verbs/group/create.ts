import { z } from "zod";

import { newId } from "#shared/base/ids.ts";
import { groupsPerTenantMax } from "#shared/base/limits.ts";
import { nameSchema } from "#shared/definition/fields.ts";

import type { Transaction } from "../../storage/database.ts";
import { countGroupsOfTenant, insertGroup } from "../../storage/queries/groups.ts";
import { lockTenant } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { checkInput } from "../check-input.ts";
import { transactOnce } from "../idempotent.ts";
import { noteDeed } from "../noted.ts";
import type { Invalid, LimitReached, Mismatch, NameTaken } from "../outcomes.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { groupRecordOf, type GroupRecord } from "./group-record.ts";

export type CreateGroupOutcome =
  | { readonly kind: "created"; readonly group: GroupRecord }
  | Invalid
  | LimitReached
  | NameTaken
  | Mismatch;

const groupSchema = z.object({ name: nameSchema });

/** Makes an empty group. Scope `write`. */
export async function createGroup(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly name: string },
): Promise<CreateGroupOutcome> {
  requireScope(actor, "write");
  const checked = checkInput(groupSchema, { name: input.name });
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  const { name } = checked.value;
  return transactOnce(deps, actor, (tx) => storeGroup(deps, { tx, actor }, name));
}

interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
}

async function storeGroup(
  deps: VerbDeps,
  { tx, actor }: Place,
  name: string,
): Promise<Ended<CreateGroupOutcome>> {
  const { tenantId } = actor;
  await lockTenant(tx, tenantId);
  if ((await countGroupsOfTenant(tx, tenantId)) >= groupsPerTenantMax) {
    return undone({ kind: "limit-reached", what: "groups", max: groupsPerTenantMax });
  }
  const row = await insertGroup(tx, { tenantId, id: newId("grp", deps.ids), name });
  if (row === undefined) return undone({ kind: "name-taken", name });
  await noteDeed(tx, actor, { action: "group.create", target: row.id });
  return kept({ kind: "created", group: groupRecordOf(row) });
}
