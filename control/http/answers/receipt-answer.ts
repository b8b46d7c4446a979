import { z } from "zod";

import { receiptStates, type ReceiptView } from "../../view/receipt-view.ts";
import type { NotWaited } from "../write-receipt.ts";
import { momentSchema } from "./answer-schema.ts";

export const applyErrorAnswerSchema = z.object({
  id: z.string().nullable().meta({ description: "The balancer; null for the whole version" }),
  pointer: z.string(),
  code: z.string(),
  detail: z.string(),
});

const stateSchema = z.enum(receiptStates);

/** Who serves a revision and who does not. */
export const receiptSchema = z
  .object({
    nodes: z.object({
      expected: z.int(),
      serving: z.int().meta({ description: "All balancers of the revision serve there" }),
      failed: z.int().meta({
        description: "Some balancer is refused there; the others serve, in their new form",
      }),
      waiting: z.int(),
      away: z.int(),
    }),
    p50Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
    stragglers: z.array(
      z.object({
        node: z.string(),
        hostname: z.string(),
        state: stateSchema,
        reason: z.string(),
      }),
    ),
    byNode: z.array(
      z.object({
        node: z.string(),
        hostname: z.string(),
        group: z.string(),
        connected: z.boolean(),
        state: stateSchema,
        sentAt: momentSchema.nullable(),
        storedAt: momentSchema.nullable(),
        appliedAt: momentSchema.nullable(),
        servingAt: momentSchema.nullable(),
        servingMs: z.number().nullable(),
        errors: z.array(applyErrorAnswerSchema),
      }),
    ),
    omitted: z.int().meta({ description: "Nodes that byNode has no room for" }),
  })
  .meta({ id: "Receipt", description: "Who serves the revision and who does not" });

/** Why a change that was made was not waited for. */
export const notWaitedSchema = z
  .object({ code: z.literal("too-many-waits"), detail: z.string() })
  .meta({ description: "With 202: the change is made, and its nodes were not waited for" });

notWaitedSchema satisfies z.ZodType<NotWaited>;

receiptSchema satisfies z.ZodType<ReceiptView>;
