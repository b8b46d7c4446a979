import { z } from "zod";

import type { Problem } from "#shared/base/problem.ts";
import { balancerSchema, type Balancer } from "#shared/definition/balancer.ts";
import { shownDefinition } from "#shared/definition/shown.ts";

import type { BalancerRecord } from "../../verbs/balancer/balancer-record.ts";
import type { PlanView } from "../../view/plan-view.ts";
import type { WriteReceipt } from "../write-receipt.ts";
import { problemItemSchema } from "./answer-schema.ts";
import { planSchema } from "./plan-answer.ts";
import { notWaitedSchema, receiptSchema } from "./receipt-answer.ts";

/** What stands beside a definition when it was written. */
export interface WriteNotes extends WriteReceipt {
  /** What was accepted although no node can run it yet. */
  readonly warnings?: readonly Problem[];
  /** Nothing was stored. */
  readonly dryRun?: true;
  /** What the nodes of the group would find. */
  readonly plan?: PlanView;
}

/** A balancer as the API shows it: its definition, and what the control plane adds. */
export type BalancerAnswer = Balancer & {
  readonly id: string;
  /** The revision that last changed it. */
  readonly revision: number;
} & WriteNotes;

/** The same as parts of a schema. */
export const answerNotesShape = {
  warnings: z.array(problemItemSchema).optional().meta({
    description: "Accepted, although nodes cannot run it yet, or a part of it counts for nothing",
  }),
  receipt: receiptSchema.optional(),
  notWaited: notWaitedSchema.optional(),
  dryRun: z.literal(true).optional().meta({ description: "Nothing was stored" }),
  plan: planSchema.optional(),
};

export const balancerAnswerSchema = balancerSchema
  .extend({
    id: z.string(),
    revision: z.int().meta({ description: "The revision that last changed it" }),
    ...answerNotesShape,
  })
  .meta({ id: "BalancerAnswer", description: "A balancer in its stored form" });

export const balancerRemovedSchema = z
  .object({
    id: z.string(),
    revision: z.int(),
    receipt: receiptSchema.optional(),
    notWaited: notWaitedSchema.optional(),
    dryRun: answerNotesShape.dryRun,
  })
  .meta({ id: "BalancerRemoved" });

/** Keys of an answer that are not part of the definition: a client may send them back. */
export const answerOnlyKeys = ["id", "revision", ...Object.keys(answerNotesShape)] as const;

export function balancerAnswer(record: BalancerRecord, notes: WriteNotes = {}): BalancerAnswer {
  const definition = shownDefinition(record.definition);
  return { id: record.id, revision: record.rev, ...definition, ...notes };
}
