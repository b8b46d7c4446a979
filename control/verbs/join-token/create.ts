import { z } from "zod";

import { newId } from "#shared/base/ids.ts";
import {
  joinTokensPerTenantMax,
  joinTokenTtlMsDefault,
  joinTokenTtlMsMax,
  joinTokenUsesMax,
} from "#shared/base/limits.ts";
import { storableText } from "#shared/definition/reading.ts";

import type { Transaction } from "../../storage/database.ts";
import { groupByNameOfTenant } from "../../storage/queries/groups.ts";
import { countJoinTokensOfTenant, insertJoinToken } from "../../storage/queries/join-tokens.ts";
import { lockTenant } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { checkInput } from "../check-input.ts";
import { transactOnce } from "../idempotent.ts";
import { noteDeed } from "../noted.ts";
import { noSuchGroup, type Invalid, type LimitReached, type Mismatch } from "../outcomes.ts";
import { newSecretText } from "../secret-text.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { joinTokenRecordOf, type JoinTokenRecord } from "./join-token-record.ts";

export interface CreateJoinTokenInput {
  /** The group's name, `default` when absent. */
  readonly group?: string;
  /** How many nodes may join with it, 1 when absent. */
  readonly uses?: number;
  /** An hour when absent. */
  readonly ttlMs?: number;
}

export type CreateJoinTokenOutcome =
  | {
      readonly kind: "created";
      readonly joinToken: JoinTokenRecord;
      /** Shown once. */
      readonly token: string;
    }
  | Invalid
  | LimitReached
  | Mismatch;

const joinTokenSchema = z.object({
  group: storableText().max(255).default("default"),
  // One host per token: a leaked one lets nobody else in.
  uses: z.int().min(1).max(joinTokenUsesMax).default(1),
  // Long enough to walk over to the host.
  ttl: z.int().min(1_000).max(joinTokenTtlMsMax).default(joinTokenTtlMsDefault),
});

type WantedToken = z.output<typeof joinTokenSchema>;

/** Makes a token that lets nodes join a group. Scope `nodes`. */
export async function createJoinToken(
  deps: VerbDeps,
  actor: Actor,
  input: CreateJoinTokenInput,
): Promise<CreateJoinTokenOutcome> {
  requireScope(actor, "nodes");
  const { group, uses, ttlMs: ttl } = input;
  const checked = checkInput(joinTokenSchema, { group, uses, ttl });
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  return transactOnce(deps, actor, (tx) => storeToken(deps, { tx, actor }, checked.value));
}

interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
}

async function storeToken(
  deps: VerbDeps,
  { tx, actor }: Place,
  { group: groupName, uses, ttl }: WantedToken,
): Promise<Ended<CreateJoinTokenOutcome>> {
  const { tenantId } = actor;
  await lockTenant(tx, tenantId);
  const group = await groupByNameOfTenant(tx, tenantId, groupName);
  if (group === undefined) return undone(noSuchGroup(groupName));
  const nowMs = deps.clock.nowMs();
  if ((await countJoinTokensOfTenant(tx, tenantId, nowMs)) >= joinTokensPerTenantMax) {
    return undone({ kind: "limit-reached", what: "join tokens", max: joinTokensPerTenantMax });
  }
  const { secret, hash } = newSecretText("msj", deps.ids);
  const [createdAt, expiresAt] = [new Date(nowMs), new Date(nowMs + ttl)];
  const id = newId("jtk", deps.ids);
  await insertJoinToken(tx, { tenantId, id, hash, groupId: group.id, uses, createdAt, expiresAt });
  await noteDeed(tx, actor, { action: "join-token.create", target: id });
  const row = { id, groupName, uses, usesLeft: uses, createdAt, expiresAt, revokedAt: null };
  return kept({ kind: "created", joinToken: joinTokenRecordOf(row), token: secret });
}
