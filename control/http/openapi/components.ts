import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";

import {
  idempotencyKeyCharsMax,
  preferWaitMsMax,
  preferWaitsPerTenantMax,
} from "#shared/base/limits.ts";

import { problemItemSchema } from "../answers/answer-schema.ts";
import type { HttpEnv } from "../env.ts";
import { problemKinds } from "../problem-kinds.ts";
import { problemName, type HeaderName, type ProblemStatus } from "./operation-parts.ts";
import { answerSchemas, bodySchemas } from "./schemas.ts";

type Registry = OpenAPIHono<HttpEnv>["openAPIRegistry"];
type SchemaObject = Parameters<Registry["registerComponent"]>[2];

/** Describes what calls refer to by name: schemas, headers, problems, the way to authenticate. */
export function registerComponents(registry: Registry): void {
  registry.registerComponent("securitySchemes", "apiKey", {
    type: "http",
    scheme: "bearer",
    description: "The secret of an API key, or of a session",
  });
  for (const [name, schema] of Object.entries(bodySchemas)) {
    registerSchemas(registry, { name, schema, io: "input" });
  }
  for (const [name, schema] of Object.entries(answerSchemas)) {
    registerSchemas(registry, { name, schema, io: "output" });
  }
  registerHeaders(registry);
  registerProblems(registry);
}

/**
 * A schema and all it is made of, as JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. Parts of
 * what is sent differ from parts of what is answered (defaults), so they bear the body's name too.
 */
function registerSchemas(
  registry: Registry,
  from: { readonly name: string; readonly schema: z.ZodType; readonly io: "input" | "output" },
): void {
  const document = z.toJSONSchema(from.schema, { io: from.io, unrepresentable: "any" });
  const { $defs = {}, $schema: _, $ref, ...own } = document;
  const nameOf = (part: string): string => {
    if ($ref === `#/$defs/${part}`) return from.name;
    return from.io === "input" ? `${from.name}.${part}` : part;
  };
  const parts = Object.entries($defs).map(([part, schema]) => [nameOf(part), schema] as const);
  const all = $ref === undefined ? [...parts, [from.name, own] as const] : parts;
  for (const [name, schema] of all) {
    registry.registerComponent("schemas", name, withReferences(schema, nameOf));
  }
}

function withReferences(schema: object, nameOf: (inner: string) => string): SchemaObject {
  const text = JSON.stringify(schema).replaceAll(
    /"#\/\$defs\/([^"]+)"/g,
    (_, inner: string) => `"#/components/schemas/${nameOf(inner)}"`,
  );
  const referring: unknown = JSON.parse(text);
  return isSchemaObject(referring) ? referring : {};
}

/** Guarantee: JSON Schema 2020-12 is OpenAPI 3.1's own schema dialect, and only this is asked. */
function isSchemaObject(schema: unknown): schema is SchemaObject {
  return typeof schema === "object" && schema !== null;
}

const headerComponents: Record<HeaderName, { name: string; description: string; schema: object }> =
  {
    IfMatch: {
      name: "If-Match",
      description: "The ETag that the change starts from; 428 without it, 412 when it is stale",
      schema: { type: "string", examples: ['"17-3f8a2c91"'] },
    },
    IfNoneMatch: {
      name: "If-None-Match",
      description: "An ETag that is known already; 304 when it is still right",
      schema: { type: "string" },
    },
    IdempotencyKey: {
      name: "Idempotency-Key",
      description: "The call is done once under this key, however often it is sent",
      schema: { type: "string", minLength: 1, maxLength: idempotencyKeyCharsMax },
    },
    PreferWait: {
      name: "Prefer",
      description: `\`wait=<seconds>\`: answer when every connected node serves the change, after ${preferWaitMsMax / 1_000} s at most. When ${preferWaitsPerTenantMax} changes of the tenant are waited for already, the change is made and answered at once with 202`,
      schema: { type: "string", examples: ["wait=10"] },
    },
  };

function registerHeaders(registry: Registry): void {
  for (const [component, { schema, ...header }] of Object.entries(headerComponents)) {
    const parameter = { ...header, in: "header" as const, required: false, schema };
    registry.registerComponent("parameters", component, parameter);
  }
}

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(problemKinds)).meta({ description: "Stable and machine-readable" }),
  detail: z.string(),
  requestId: z.string().optional(),
  errors: z
    .array(problemItemSchema)
    .meta({ description: "Everything that is wrong with what was sent" }),
});

function registerProblems(registry: Registry): void {
  registerSchemas(registry, { name: "Problem", schema: problemSchema, io: "output" });
  const kinds = Map.groupBy(Object.entries(problemKinds), ([, kind]) => kind.status);
  for (const [status, ofStatus] of kinds) {
    registry.registerComponent("responses", problemName(status), {
      description: ofStatus.map(([code, { title }]) => `\`${code}\`: ${title}`).join("  \n"),
      ...retryHeader(status),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    });
  }
}

function retryHeader(status: ProblemStatus) {
  if (status !== 429 && status !== 503) return {};
  const description = "Seconds to wait before another try";
  return { headers: { "Retry-After": { description, schema: { type: "integer" as const } } } };
}
