import { z } from "zod";

import { reportSchema } from "../measures/report.ts";
import { versionSchema } from "../snapshot/version.ts";
import { byeFrameSchema, idSchema, nonceSchema, textSchema, timeMsSchema } from "./common.ts";

/** First frame of a node: who it is and what it has. */
export const helloFrameSchema = z.object({
  t: z.literal("hello"),
  protocols: z.array(z.int()).min(1).max(16),
  agent: z.string().max(40),
  capabilities: z.array(z.string().max(60)).max(200),
  bootId: idSchema,
  have: versionSchema.nullable(),
  os: z.string().max(100),
  hostname: z.string().max(255),
  labels: z.record(z.string().max(63), z.string().max(255)),
  clockMs: timeMsSchema,
});

/** The node asks for the whole snapshot. */
export const getFrameSchema = z.object({
  t: z.literal("get"),
  want: versionSchema.nullable(),
  why: z.enum(["base-mismatch", "root-mismatch", "fetch-failed", "missing", "conflict"]),
});

/**
 * How far a version has come on the node: verified and kept; every change that it needs was tried
 * (what failed is in a partial `nack`, which counts as this phase); all of it serves.
 */
const applyPhases = ["stored", "applied", "serving"] as const;

/** What became of one balancer; only those that changed are named. */
const balancerOutcomeSchema = z.object({
  id: idSchema,
  state: z.enum(["serving", "draining", "removed"]),
  ms: timeMsSchema,
});

/** A version was stored, applied or serves. Phases that follow fast may be merged into the last. */
export const ackFrameSchema = z.object({
  t: z.literal("ack"),
  /** The configuration message's; null when the node speaks of what it already runs. */
  nonce: nonceSchema.nullable(),
  version: versionSchema,
  phase: z.enum(applyPhases),
  balancers: z.array(balancerOutcomeSchema).max(4_000),
  /** False when the disk refused the snapshot: it runs from memory. */
  durable: z.boolean(),
  connections: z.object({
    kept: z.int().min(0),
    drained: z.int().min(0),
    cut: z.int().min(0),
  }),
});

/** One reason why something was not applied. */
export const applyErrorSchema = z.object({
  /** The entry, or null when the whole version is meant. */
  id: idSchema.nullable(),
  pointer: z.string().max(500),
  code: z.string().max(60),
  detail: textSchema,
});
export type ApplyError = z.output<typeof applyErrorSchema>;

/** A version, or a part of it, was refused; what failed keeps its last good form. */
export const nackFrameSchema = z.object({
  t: z.literal("nack"),
  nonce: nonceSchema.nullable(),
  version: versionSchema,
  errors: z.array(applyErrorSchema).min(1).max(4_000),
  running: versionSchema.nullable(),
  /** True when the rest of the version was applied. */
  partial: z.boolean(),
});

/** Repeats what the node runs, so that either side can repair a mismatch. */
export const nodeHeartbeatFrameSchema = z.object({
  t: z.literal("hb"),
  running: versionSchema.nullable(),
  /** Balancers of the running version that did not apply. */
  failing: z.int().min(0),
  connections: z.int().min(0),
  rssBytes: z.int().min(0),
  cpuShare: z.number().min(0),
  durable: z.boolean(),
});

/** A report of counters, see `measures/report.ts`. */
const statisticsFrameSchema = z.object({ t: z.literal("st"), report: reportSchema });

/** Something flipped on the node. */
export const nodeEventSchema = z.object({
  kind: z.enum([
    "backend.up",
    "backend.down",
    "ejection.started",
    "ejection.ended",
    "panic.started",
    "panic.ended",
    "bind.failed",
    "bind.recovered",
    "snapshot.refused",
    "snapshot.not-durable",
    "snapshot.reverted",
    "policy.denied",
    "discovery.failed",
    "discovery.recovered",
    "discovery.skipped",
    "certificates.failed",
    "certificates.recovered",
    "certificates.expiring",
  ]),
  atMs: timeMsSchema,
  balancer: idSchema.nullable(),
  backend: z.string().max(300).nullable(),
  detail: textSchema,
});
export type NodeEvent = z.output<typeof nodeEventSchema>;

const eventsFrameSchema = z.object({
  t: z.literal("ev"),
  events: z.array(nodeEventSchema).min(1).max(200),
});

/** The answer to a `cmd`. */
const commandResultFrameSchema = z.object({
  t: z.literal("cmdr"),
  id: nonceSchema,
  ok: z.boolean(),
  code: z.string().max(60),
  result: z.unknown(),
});

/** Everything a node may say. */
export const nodeFrameSchema = z.discriminatedUnion("t", [
  helloFrameSchema,
  getFrameSchema,
  ackFrameSchema,
  nackFrameSchema,
  nodeHeartbeatFrameSchema,
  statisticsFrameSchema,
  eventsFrameSchema,
  commandResultFrameSchema,
  byeFrameSchema,
]);

export type NodeFrame = z.output<typeof nodeFrameSchema>;
export type HelloFrame = z.output<typeof helloFrameSchema>;
export type GetFrame = z.output<typeof getFrameSchema>;
export type AckFrame = z.output<typeof ackFrameSchema>;
export type NackFrame = z.output<typeof nackFrameSchema>;
export type CommandResultFrame = z.output<typeof commandResultFrameSchema>;
export type NodeHeartbeatFrame = z.output<typeof nodeHeartbeatFrameSchema>;
