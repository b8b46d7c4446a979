import { z } from "zod";

import { newId } from "#shared/base/ids.ts";
import { apiKeysPerTenantMax, apiKeyTtlMsMax, apiKeyTtlMsMin } from "#shared/base/limits.ts";

import type { Transaction } from "../../storage/database.ts";
import { countApiKeysOfTenant, insertApiKey } from "../../storage/queries/api-keys.ts";
import { lockTenant } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { checkInput } from "../check-input.ts";
import { transactOnce } from "../idempotent.ts";
import { labelSchema } from "../label-schema.ts";
import { noteDeed } from "../noted.ts";
import type { Invalid, LimitReached, Mismatch } from "../outcomes.ts";
import { scopes, type Scope } from "../scopes.ts";
import { newSecretText } from "../secret-text.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { apiKeyRecordOf, type ApiKeyRecord } from "./api-key-record.ts";

export interface CreateApiKeyInput {
  readonly name: string;
  /** Only scopes that the actor has itself. */
  readonly scopes: readonly string[];
  /** Absent: it does not expire. */
  readonly ttlMs?: number;
}

export type CreateApiKeyOutcome =
  | {
      readonly kind: "created";
      readonly apiKey: ApiKeyRecord;
      /** Shown once. */
      readonly secret: string;
    }
  | Invalid
  | LimitReached
  | Mismatch;

/** Makes a key. Scope `admin`. */
export async function createApiKey(
  deps: VerbDeps,
  actor: Actor,
  input: CreateApiKeyInput,
): Promise<CreateApiKeyOutcome> {
  requireScope(actor, "admin");
  const { name, scopes: wanted, ttlMs: ttl } = input;
  const checked = checkInput(schemaFor(actor), { name, scopes: wanted, ttl });
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  return transactOnce(deps, actor, (tx) => storeKey(deps, { tx, actor }, checked.value));
}

/** A key may pass on what it may do itself, and no more. */
function schemaFor(actor: Actor) {
  const own = scopes.filter((scope) => actor.scopes.has(scope));
  return z.object({
    name: labelSchema,
    scopes: z.array(z.enum(own)).min(1).max(scopes.length),
    ttl: z.int().min(apiKeyTtlMsMin).max(apiKeyTtlMsMax).optional(),
  });
}

interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
}

async function storeKey(
  deps: VerbDeps,
  { tx, actor }: Place,
  wanted: { readonly name: string; readonly scopes: Scope[]; readonly ttl?: number | undefined },
): Promise<Ended<CreateApiKeyOutcome>> {
  const { tenantId } = actor;
  const nowMs = deps.clock.nowMs();
  await lockTenant(tx, tenantId);
  if ((await countApiKeysOfTenant(tx, tenantId, nowMs)) >= apiKeysPerTenantMax) {
    return undone({ kind: "limit-reached", what: "api keys", max: apiKeysPerTenantMax });
  }
  const { secret, hash } = newSecretText("msk", deps.ids);
  const row = await insertApiKey(tx, {
    tenantId,
    id: newId("key", deps.ids),
    kind: "key",
    name: wanted.name,
    hash,
    scopes: [...new Set(wanted.scopes)],
    expiresAt: wanted.ttl === undefined ? null : new Date(nowMs + wanted.ttl),
  });
  await noteDeed(tx, actor, { action: "api-key.create", target: row.id });
  return kept({ kind: "created", apiKey: apiKeyRecordOf(row), secret });
}
