import { z } from "zod";

import { handoverTextCharsMax } from "#shared/base/limits.ts";
import { counterColumns, reportRowSchema, reportSchema } from "#shared/measures/report.ts";
import { versionSchema } from "#shared/snapshot/version.ts";

/**
 * What an agent and its successor say to each other, over the channel that Node opens to a child.
 * The two may be of different versions: what one does not know it leaves out, and what it cannot
 * read ends the handover before anything was given away.
 */
const descriptorSchema = z.int().min(3);

const addressSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tcp"), host: z.string(), port: z.int() }),
  z.object({ kind: z.literal("udp"), host: z.string(), port: z.int() }),
  z.object({ kind: z.literal("unix"), path: z.string() }),
]);

const totalsRowSchema = z.object({
  balancer: z.string(),
  backend: z.string(),
  counters: columnsSchema(counterColumns),
  gauges: columnsSchema(["activeConnections", "live"]),
});

/** Columns that the other version does not have are 0, those that only it has are left out. */
function columnsSchema<Column extends string>(columns: readonly Column[]) {
  return z
    .record(z.string(), z.number())
    .transform((values) => complete(columns.map((column) => [column, values[column] ?? 0])));
}

/** Guarantee: a pair for every column. */
function complete<Column extends string>(
  pairs: readonly (readonly [Column, number])[],
): Record<Column, number> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return Object.fromEntries(pairs) as Record<Column, number>;
}

const intervalSchema = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  rows: z.array(reportRowSchema),
  dropped: z.int(),
});

/** Where the statistics stand: `stats/reporter.ts` has the same as types. */
const countingSchema = z.object({
  queued: z.object({
    bootId: z.string(),
    lastSeq: z.int(),
    confirmedSeq: z.int(),
    sent: z.array(reportSchema),
    waiting: z.array(intervalSchema),
  }),
  counted: z.array(totalsRowSchema),
});

const estateSchema = z.object({
  type: z.literal("estate"),
  /** Of the agent that hands over. */
  pid: z.int(),
  /** How many agents have handed over before, this one included. */
  handovers: z.int().min(1),
  /** What it runs: the successor has to find the same on disk. */
  version: versionSchema.nullable(),
  /** Descriptors, by their numbers in the successor. */
  folderClaim: descriptorSchema.nullable(),
  statusPort: descriptorSchema.nullable(),
  addresses: z.array(
    z.object({
      address: addressSchema,
      claim: descriptorSchema.nullable(),
      sockets: z.array(descriptorSchema),
    }),
  ),
  /** Which backends are believed to live, by balancer. */
  beliefs: z.record(z.string(), z.record(z.string(), z.boolean())),
});

const bequestSchema = z.object({
  type: z.literal("yours"),
  counting: countingSchema,
  /** The number of the last link. */
  generation: z.int().min(0),
});

/** From the agent to its successor, in this order; the last two any number of times, or never. */
const toSuccessorSchema = z.discriminatedUnion("type", [
  /** First: what it starts with. */
  estateSchema,
  /** The link is closed, the status port too: the successor is the agent now. */
  bequestSchema,
  /** Counters as they stand, while connections drain; `ended` with the final ones. */
  z.object({ type: z.literal("totals"), rows: z.array(totalsRowSchema), ended: z.boolean() }),
  /** The agent was asked to end: its supervisor knows no other process yet. */
  z.object({ type: z.literal("end") }),
]);

/** From the successor to the agent. */
const fromSuccessorSchema = z.discriminatedUnion("type", [
  /** First: which process it is. */
  z.object({ type: z.literal("here"), pid: z.int().min(2) }),
  /** It cannot be the agent. */
  z.object({ type: z.literal("unfit"), why: z.string() }),
  /** It accepts clients; `failing` are balancers that it could not start, with their codes. */
  z.object({
    type: z.literal("serving"),
    failing: z.array(z.object({ balancer: z.string(), codes: z.array(z.string()) })),
  }),
  /** It has taken everything over. */
  z.object({ type: z.literal("taken") }),
]);

/** What is told is not changed. */
type Told<T> = T extends readonly (infer Item)[]
  ? readonly Told<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Told<T[Key]> }
    : T;

export type Estate = z.output<typeof estateSchema>;
export type Bequest = z.output<typeof bequestSchema>;
export type FromPredecessor = z.output<typeof toSuccessorSchema>;
export type ToSuccessor = Told<FromPredecessor>;
export type FromSuccessor = z.output<typeof fromSuccessorSchema>;

/** Undefined when it is no such message. */
export function readFromPredecessor(message: unknown): FromPredecessor | undefined {
  return toSuccessorSchema.safeParse(message).data;
}

/** Undefined when it is no such message. */
export function readFromSuccessor(message: unknown): FromSuccessor | undefined {
  return fromSuccessorSchema.safeParse(message).data;
}

/** Bounded, for one line of a log and one answer to whoever asked. */
export function handoverText(text: string): string {
  return text.slice(0, handoverTextCharsMax);
}
