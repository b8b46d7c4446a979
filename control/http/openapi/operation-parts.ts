import type { RouteConfig } from "@hono/zod-openapi";

import type { problemKinds } from "../problem-kinds.ts";
import type { AnswerName, BodyName } from "./schemas.ts";

/** Parts that the descriptions of several calls share. */

export type ProblemStatus = (typeof problemKinds)[keyof typeof problemKinds]["status"];

interface Reference {
  readonly $ref: string;
}

/** A call in a tenant's name. */
export const secured = { security: [{ apiKey: [] }] };

/** Problems that any call can end in; those in a tenant's name have some more. */
export const problemsOfAny = problems(400, 500, 503);
export const problemsOfTenant = { ...problemsOfAny, ...problems(401, 403, 429) };
/** Problems of a call with a JSON body. */
export const problemsOfBody = problems(413, 415, 422);

/** Answers with problem documents, by status. */
export function problems(...statuses: readonly ProblemStatus[]): Record<string, Reference> {
  const reference = (status: ProblemStatus): Reference => ({
    $ref: `#/components/responses/${problemName(status)}`,
  });
  return Object.fromEntries(statuses.map((status) => [String(status), reference(status)]));
}

/** The component that describes the problems of a status. */
export function problemName(status: ProblemStatus): string {
  return `Problem${status}`;
}

/** How an answer is described. */
export type AnswerDescription = RouteConfig["responses"][string];

/** A JSON answer, by the name of its schema. */
export function json(name: AnswerName, description: string): AnswerDescription {
  return { description, content: { "application/json": { schema: schemaReference(name) } } };
}

/** A change with `Prefer: wait` when too many wait already. */
export const notWaited =
  "Made like that, but with `Prefer: wait` not waited for: too many changes are waited for already";

/** The same, with the ETag that a change of it starts from. */
export function taggedJson(name: AnswerName, description: string): AnswerDescription {
  const etag = { description: "Goes into If-Match", schema: { type: "string" as const } };
  return { ...json(name, description), headers: { ETag: etag } };
}

/**
 * A JSON body, by the name of its schema. It is described here and checked where it is used: a
 * check that stops at the schema would hide what else is wrong.
 */
export function jsonBodyOf(name: BodyName, options: { readonly required: boolean }) {
  return {
    required: options.required,
    content: { "application/json": { schema: schemaReference(name) } },
  };
}

function schemaReference(name: AnswerName | BodyName): Reference {
  return { $ref: `#/components/schemas/${name}` };
}

/** Headers that calls take, by the name of their component. */
export type HeaderName = "IfMatch" | "IfNoneMatch" | "IdempotencyKey" | "PreferWait";

export function headers(...names: readonly HeaderName[]): Reference[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}
