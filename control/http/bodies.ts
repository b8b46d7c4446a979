import type { Context } from "hono";
import { z } from "zod";

import { durationPattern, formatDuration, parseDurationMs } from "#shared/base/duration.ts";
import {
  apiKeyTtlMsMax,
  apiKeyTtlMsMin,
  durationCharsMax,
  emailCharsMax,
  joinTokenTtlMsMax,
  joinTokenUsesMax,
  passwordCharsMax,
  passwordCharsMin,
} from "#shared/base/limits.ts";
import { nameSchema } from "#shared/definition/fields.ts";
import { refuse, storableText } from "#shared/definition/reading.ts";
import { section } from "#shared/definition/section.ts";
import { problemsOf } from "#shared/validation/problems-of.ts";

import { labelSchema } from "../verbs/label-schema.ts";
import { scopes } from "../verbs/scopes.ts";
import type { BodyEnv } from "./env.ts";
import { problemAnswer } from "./problem-answer.ts";

/** Bodies of calls other than a balancer's, which `checkBalancer` knows. */

export const signUpBodySchema = section({
  tenant: labelSchema.meta({ description: "The tenant's name, for people" }),
  email: z.email().max(emailCharsMax),
  password: storableText().min(passwordCharsMin).max(passwordCharsMax),
}).meta({ id: "SignUp" });

export const logInBodySchema = section({
  email: storableText(),
  password: storableText(),
  tenant: storableText().optional().meta({ description: "Id; when the user belongs to several" }),
}).meta({ id: "LogIn" });

export const apiKeyBodySchema = section({
  name: labelSchema,
  scopes: z
    .array(z.enum(scopes))
    .min(1)
    .max(scopes.length)
    .meta({ description: "Of those that the asking key has itself" }),
  ttl: ttlSchema(apiKeyTtlMsMin, apiKeyTtlMsMax)
    .optional()
    .meta({ description: "It does not expire unless given" }),
}).meta({ id: "ApiKeyInput" });

export const joinTokenBodySchema = section({
  group: nameSchema.optional().meta({ description: "`default` unless given" }),
  uses: z
    .int()
    .min(1)
    .max(joinTokenUsesMax)
    .optional()
    .meta({ description: "How many nodes may join with it; 1 unless given" }),
  ttl: ttlSchema(1_000, joinTokenTtlMsMax).optional().meta({ description: "1h unless given" }),
}).meta({ id: "JoinTokenInput" });

export const groupBodySchema = section({ name: nameSchema }).meta({ id: "GroupInput" });

/** A call that takes nothing refuses what it would have to ignore. */
export const emptyBodySchema = section({});

/** A time to live, read into milliseconds. */
function ttlSchema(minMs: number, maxMs: number) {
  return z
    .string()
    .max(durationCharsMax)
    .meta({ pattern: durationPattern, examples: ["30m", "720h"] })
    .transform((text, check) => {
      const ms = parseDurationMs(text) ?? Number.NaN;
      if (ms >= minMs && ms <= maxMs) return ms;
      const bounds = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
      refuse(check, { code: "invalid-duration", detail: `is a duration ${bounds}` });
      return z.NEVER;
    });
}

/** The body that was read, checked; or the answer that names everything wrong with it. */
export function checkedBody<T, E extends BodyEnv>(
  c: Context<E>,
  schema: z.ZodType<T>,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly answer: Response } {
  const { body } = c.var;
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const errors = problemsOf(parsed.error, body);
  return { ok: false, answer: problemAnswer(c, "http/invalid", { errors }) };
}
