import { z } from "zod";

import type { BalancerChange } from "../../verbs/revision/diff.ts";
import type { RevisionRecord } from "../../verbs/revision/revision-record.ts";
import { moment } from "../../view/moment.ts";
import type { ReceiptView } from "../../view/receipt-view.ts";
import { momentSchema, problemItemSchema } from "./answer-schema.ts";
import { notWaitedSchema, receiptSchema } from "./receipt-answer.ts";

const changeKinds = ["added", "changed", "removed"] as const;

const revisionShape = {
  revision: z.int(),
  actor: z.string().meta({ description: "Id of the API key or session" }),
  action: z.string(),
  committedAt: momentSchema,
  changes: z.array(
    z.object({ balancer: z.string(), name: z.string(), change: z.enum(changeKinds) }),
  ),
  certificates: z.array(
    z.object({ certificate: z.string(), name: z.string(), change: z.enum(changeKinds) }),
  ),
};

export const revisionAnswerSchema = z.object(revisionShape).meta({ id: "Revision" });
export type RevisionAnswer = z.output<typeof revisionAnswerSchema>;

export const revisionReceiptSchema = z
  .object({ ...revisionShape, receipt: receiptSchema })
  .meta({ id: "RevisionReceipt" });

export const rollbackAnswerSchema = z
  .object({
    ...revisionShape,
    warnings: z.array(problemItemSchema).optional(),
    receipt: receiptSchema.optional(),
    notWaited: notWaitedSchema.optional(),
    dryRun: z.literal(true).optional(),
  })
  .meta({ id: "Rollback" });

export const unchangedAnswerSchema = z
  .object({ unchanged: z.literal(true) })
  .meta({ id: "Unchanged", description: "The balancers are as they were then already" });

export const diffAnswerSchema = z
  .object({
    from: z.int(),
    to: z.int(),
    balancers: z.array(
      z.object({
        balancer: z.string(),
        name: z.string(),
        change: z.enum(changeKinds),
        fields: z.array(
          z.object({
            pointer: z.string(),
            before: z.unknown().optional(),
            after: z.unknown().optional(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "Difference", description: "Secrets show as references" });

diffAnswerSchema satisfies z.ZodType<{ readonly balancers: readonly BalancerChange[] }>;

export function revisionAnswer(record: RevisionRecord): RevisionAnswer {
  return {
    revision: record.rev,
    actor: record.actor,
    action: record.action,
    committedAt: moment(record.committedAtMs),
    changes: record.changes.map(({ balancer, name, before, after }) => ({
      balancer,
      name,
      change: changeOf(before, after),
    })),
    certificates: record.certificates.map(({ certificate, name, before, after }) => ({
      certificate,
      name,
      change: changeOf(before, after),
    })),
  };
}

export function revisionReceipt(
  record: RevisionRecord,
  receipt: ReceiptView,
): RevisionAnswer & { readonly receipt: ReceiptView } {
  return { ...revisionAnswer(record), receipt };
}

function changeOf(before: string | null, after: string | null): (typeof changeKinds)[number] {
  if (before === null) return "added";
  return after === null ? "removed" : "changed";
}
