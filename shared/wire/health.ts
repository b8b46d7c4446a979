import { z } from "zod";

import {
  backendNameCharsMax,
  checkResultsKept,
  discoverySourcesMax,
  healthBackendsMax,
} from "../base/limits.ts";
import { backendStates } from "../definition/managed-backend.ts";
import { idSchema } from "./common.ts";

/** What an agent names in its first frame when it answers a `cmd` of the kind health. */
export const healthCapability = "command:health";

/** `args` of a `cmd` of the kind health: a balancer, and one of its backends or all. */
export const healthArgsSchema = z.object({
  balancer: idSchema,
  /** With its history; null: every backend, each with its last result. */
  backend: z.string().max(backendNameCharsMax).nullable(),
});
export type HealthArgs = z.output<typeof healthArgsSchema>;

const momentMs = z.number().meta({ description: "Milliseconds since 1970, by the node's clock" });

const checkSchema = z.object({
  atMs: momentMs,
  verdict: z.enum(["passed", "failed", "none"]).meta({
    description: "`none`: it said nothing about the backend",
  }),
  tookMs: z.number(),
  detail: z.string().max(300).meta({ description: "Why it did not pass; empty when it did" }),
});

const backendHealthSchema = z.object({
  backend: z.string().max(backendNameCharsMax),
  live: z.boolean(),
  ejected: z.boolean().meta({ description: "Left out for a while: dials to it failed" }),
  discovered: z.boolean().meta({
    description: "False: no source names it any more, and it has connections",
  }),
  state: z.enum(backendStates).meta({ description: "What the managed backends say of it" }),
  activeConnections: z.int().min(0),
  checks: z.array(checkSchema).max(checkResultsKept).meta({ description: "Newest first" }),
});
export type BackendHealth = z.output<typeof backendHealthSchema>;

const sourceHealthSchema = z.object({
  pointer: z.string().max(500).meta({ description: "JSON pointer into the balancer" }),
  kind: z.string().max(40),
  state: z.enum(["waiting", "fresh", "failing"]).meta({
    description: "`waiting`: it has not answered yet",
  }),
  watched: z.boolean().nullable().meta({
    description: "Whether its stream of events stands; null for a kind that has none",
  }),
  backends: z.int().min(0).meta({ description: "Of its last good answer" }),
  skipped: z.int().min(0).meta({ description: "Parts of it that were no backends" }),
  lastSuccessMs: momentMs.nullable(),
  // Agents that do not remember do not say it.
  rememberedMs: momentMs
    .nullable()
    .default(null)
    .meta({
      description:
        "While it goes by an answer from before the agent started, or the source was changed: when " +
        "that was given",
    }),
  lastFailure: z
    .object({ atMs: momentMs, code: z.string().max(60), detail: z.string().max(300) })
    .nullable(),
  lastDurationMs: z.number().nullable(),
  fetches: z.int().min(0),
  failures: z.int().min(0),
});
export type SourceHealth = z.output<typeof sourceHealthSchema>;

const countsSchema = z.record(z.string().max(60), z.int().min(0));

const unservedSchema = z.object({
  turnedAway: countsSchema.meta({ description: "Clients that got no backend, by close reason" }),
  sessionsEvicted: z.int().min(0).meta({ description: "UDP sessions that made room for others" }),
  datagramsDropped: countsSchema.meta({ description: "Datagrams, by the reason of the drop" }),
});

/** What one node knows of a balancer's backends, their sources, and clients that were not served. */
export const healthResultSchema = z.object({
  backends: z.array(backendHealthSchema).max(healthBackendsMax).meta({
    description: "Those that are not live first, then by name",
  }),
  unlisted: z.int().min(0).meta({ description: "Backends beyond those that are listed" }),
  sources: z.array(sourceHealthSchema).max(discoverySourcesMax),
  // Agents that do not count by reason do not say it.
  unserved: unservedSchema
    .nullable()
    .default(null)
    .meta({
      description:
        "What was not served, since the balancer began on this node or the agent started; a reason " +
        "that has not occurred is absent. Null: the node does not say",
    }),
});
export type HealthResult = z.output<typeof healthResultSchema>;
