import { z } from "zod";

import type { ApiKeyRecord } from "../../verbs/api-key/api-key-record.ts";
import type { AuditRecord } from "../../verbs/audit/list.ts";
import type { GroupRecord } from "../../verbs/group/group-record.ts";
import type { JoinTokenRecord } from "../../verbs/join-token/join-token-record.ts";
import { moment } from "../../view/moment.ts";
import { momentSchema } from "./answer-schema.ts";

/** Answers about who may do what: tenants, keys, tokens, groups, audit. */

const tenantSchema = z.object({ id: z.string(), name: z.string() });
const shownOnce = z.string().meta({ description: "Shown this once" });

export const signedUpSchema = z
  .object({ tenant: tenantSchema, apiKey: z.object({ id: z.string(), secret: shownOnce }) })
  .meta({ id: "SignedUp" });

export const loggedInSchema = z
  .object({
    tenant: tenantSchema,
    session: z.object({ id: z.string(), secret: shownOnce, expiresAt: momentSchema }),
  })
  .meta({ id: "LoggedIn" });

export const meSchema = z
  .object({
    tenant: tenantSchema.extend({ revision: z.int() }),
    key: z.object({ id: z.string(), scopes: z.array(z.string()) }),
  })
  .meta({ id: "Me" });

export const apiKeyAnswerSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["key", "session"]),
    name: z.string(),
    scopes: z.array(z.string()),
    createdAt: momentSchema,
    expiresAt: momentSchema.nullable(),
    revokedAt: momentSchema.nullable(),
    lastUsedAt: momentSchema.nullable().meta({ description: "To the minute" }),
  })
  .meta({ id: "ApiKey" });

export const newApiKeySchema = apiKeyAnswerSchema
  .extend({ secret: shownOnce })
  .meta({ id: "NewApiKey" });

export function apiKeyAnswer(record: ApiKeyRecord): z.output<typeof apiKeyAnswerSchema> {
  const { id, kind, name, scopes } = record;
  return {
    id,
    kind,
    name,
    scopes: [...scopes],
    createdAt: moment(record.createdAtMs),
    expiresAt: moment(record.expiresAtMs),
    revokedAt: moment(record.revokedAtMs),
    lastUsedAt: moment(record.lastUsedAtMs),
  };
}

export const joinTokenAnswerSchema = z
  .object({
    id: z.string(),
    group: z.string(),
    uses: z.int(),
    usesLeft: z.int(),
    createdAt: momentSchema,
    expiresAt: momentSchema,
    revokedAt: momentSchema.nullable(),
  })
  .meta({ id: "JoinToken" });

export const newJoinTokenSchema = joinTokenAnswerSchema
  .extend({ token: shownOnce })
  .meta({ id: "NewJoinToken" });

export function joinTokenAnswer(record: JoinTokenRecord): z.output<typeof joinTokenAnswerSchema> {
  const { id, group, uses, usesLeft } = record;
  return {
    id,
    group,
    uses,
    usesLeft,
    createdAt: moment(record.createdAtMs),
    expiresAt: moment(record.expiresAtMs),
    revokedAt: moment(record.revokedAtMs),
  };
}

export const groupAnswerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    revision: z
      .int()
      .meta({ description: "The last revision that touched it; 0 before the first" }),
    createdAt: momentSchema,
  })
  .meta({ id: "Group" });

export function groupAnswer(record: GroupRecord): z.output<typeof groupAnswerSchema> {
  const { id, name, rev, createdAtMs } = record;
  return { id, name, revision: rev, createdAt: moment(createdAtMs) };
}

export const auditAnswerSchema = z
  .object({
    seq: z.int(),
    at: momentSchema,
    actor: z.string(),
    action: z.string(),
    target: z.string(),
    beforeHash: z.string().nullable(),
    afterHash: z.string().nullable(),
    requestId: z.string(),
    address: z.string(),
  })
  .meta({ id: "AuditEntry" });

export function auditAnswer(record: AuditRecord): z.output<typeof auditAnswerSchema> {
  const { atMs, ...rest } = record;
  return { ...rest, at: moment(atMs) };
}
