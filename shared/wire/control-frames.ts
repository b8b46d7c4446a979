import { z } from "zod";

import { signatureSchema } from "../snapshot/signature.ts";
import { secretsSchema, snapshotEntrySchema } from "../snapshot/snapshot.ts";
import { versionSchema } from "../snapshot/version.ts";
import {
  byeFrameSchema,
  idSchema,
  nonceSchema,
  retrySpreadSchema,
  timeMsSchema,
} from "./common.ts";

/** Up to which report the control plane has taken a boot's statistics. */
export const statisticsMarkSchema = z.object({
  bootId: idSchema,
  /** 0 before the first report of that boot. */
  seq: z.int().min(0),
});
export type StatisticsMark = z.output<typeof statisticsMarkSchema>;

/** Answers `hello`; every timer of the node is set here. */
export const welcomeFrameSchema = z.object({
  t: z.literal("welcome"),
  session: idSchema,
  protocol: z.int(),
  heartbeatMs: z.int().min(100).max(600_000),
  statisticsMs: z.int().min(100).max(600_000),
  controlTimeMs: timeMsSchema,
  /** The spread of the first reconnect after this link is lost. */
  reconnect: retrySpreadSchema,
  desired: versionSchema.nullable(),
  statistics: statisticsMarkSchema,
});

/** A small change, inline; only for a node that runs `base`. */
export const deltaFrameSchema = z.object({
  t: z.literal("delta"),
  nonce: nonceSchema,
  /** Null when the node has nothing yet. */
  base: versionSchema.nullable(),
  to: versionSchema,
  up: z.array(snapshotEntrySchema),
  del: z.array(z.object({ kind: z.string().min(1).max(40), id: idSchema })),
  secrets: secretsSchema,
  signature: signatureSchema,
});

/** A bigger change: the node pulls the snapshot over HTTPS. */
export const refFrameSchema = z.object({
  t: z.literal("ref"),
  nonce: nonceSchema,
  to: versionSchema,
  /** Size of the snapshot's JSON before compression. */
  bytes: z.int().min(0),
  /** Absolute, or a path on the control plane. */
  url: z.string().max(2_000),
  signature: signatureSchema,
});

/** Repeats what the node shall run and which reports were taken. */
const controlHeartbeatFrameSchema = z.object({
  t: z.literal("hb"),
  controlTimeMs: timeMsSchema,
  desired: versionSchema.nullable(),
  statistics: statisticsMarkSchema,
});

const commandNames = ["resync", "revoke", "drain", "plan", "health", "reconnect"] as const;

/** Asks the node for something; answered by `cmdr` within the deadline. Doing it twice is harmless. */
export const commandFrameSchema = z.object({
  t: z.literal("cmd"),
  id: nonceSchema,
  name: z.enum(commandNames),
  deadlineMs: z.int().min(1),
  args: z.unknown(),
});

/** Everything the control plane may say. */
export const controlFrameSchema = z.discriminatedUnion("t", [
  welcomeFrameSchema,
  deltaFrameSchema,
  refFrameSchema,
  controlHeartbeatFrameSchema,
  commandFrameSchema,
  byeFrameSchema,
]);

export type ControlFrame = z.output<typeof controlFrameSchema>;
export type WelcomeFrame = z.output<typeof welcomeFrameSchema>;
export type DeltaFrame = z.output<typeof deltaFrameSchema>;
export type RefFrame = z.output<typeof refFrameSchema>;
export type CommandFrame = z.output<typeof commandFrameSchema>;
