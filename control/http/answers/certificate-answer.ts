import { z } from "zod";

import type { Problem } from "#shared/base/problem.ts";

import type { CertificateRecord } from "../../verbs/certificate/certificate-record.ts";
import { moment } from "../../view/moment.ts";
import type { WriteReceipt } from "../write-receipt.ts";
import { momentSchema, problemItemSchema } from "./answer-schema.ts";
import { notWaitedSchema, receiptSchema } from "./receipt-answer.ts";

const notesShape = {
  warnings: z
    .array(problemItemSchema)
    .meta({ description: "`expires-soon` within 30, 7 and 1 days of its end, then `expired`" }),
  receipt: receiptSchema.optional(),
  notWaited: notWaitedSchema.optional(),
  dryRun: z.literal(true).optional().meta({ description: "Nothing was stored" }),
};

export const certificateAnswerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    revision: z.int().meta({ description: "The revision that last changed it" }),
    subject: z.string(),
    issuer: z.string(),
    names: z.array(z.string()).meta({ description: "Host names and addresses that it is for" }),
    namesOmitted: z.int().meta({ description: "Names that are not listed" }),
    notBefore: momentSchema,
    notAfter: momentSchema,
    chainNotAfter: momentSchema.meta({
      description: "When the first certificate of the chain ends",
    }),
    chainLength: z.int().meta({ description: "Certificates, this one included" }),
    keyType: z.string().meta({ examples: ["ec-p256", "rsa-2048", "ed25519"] }),
    fingerprint: z.string().meta({ description: "SHA-256 of the certificate, hexadecimal" }),
    serialNumber: z.string().meta({ description: "Hexadecimal" }),
    usedBy: z
      .array(z.object({ id: z.string(), name: z.string() }))
      .meta({ description: "Balancers that name it: it cannot be removed while there is one" }),
    createdAt: momentSchema,
    updatedAt: momentSchema,
    ...notesShape,
  })
  .meta({
    id: "CertificateAnswer",
    description: "A certificate; its key is never shown",
    examples: [
      {
        id: "crt_01hzy8m5xk3v9q2w7r4t6e8b1c",
        name: "shop",
        revision: 12,
        subject: "CN=shop.example.com",
        issuer: "C=US, O=Let's Encrypt, CN=E7",
        names: ["shop.example.com", "www.shop.example.com"],
        namesOmitted: 0,
        notBefore: "2026-01-31T12:00:00.000Z",
        notAfter: "2026-05-01T12:00:00.000Z",
        chainNotAfter: "2026-05-01T12:00:00.000Z",
        chainLength: 2,
        keyType: "ec-p256",
        fingerprint: "9f2c4a7be01d5c3388a6e7f40c12d9b75a60e3f1c8b2d4967e05a1f3c6b8d2e4",
        serialNumber: "05a1f3c6b8d2e49f2c4a7be01d5c3388a6e7",
        usedBy: [{ id: "bal_01hzy8m5xk0d5f7g9h1j3k5m7n", name: "shop" }],
        createdAt: "2026-01-31T12:05:00.000Z",
        updatedAt: "2026-01-31T12:05:00.000Z",
        warnings: [],
      },
    ],
  });

export const certificateRemovedSchema = z
  .object({ id: z.string(), revision: z.int(), dryRun: notesShape.dryRun })
  .meta({ id: "CertificateRemoved" });

/** What stands beside a certificate. */
export interface CertificateNotes extends WriteReceipt {
  readonly warnings: readonly Problem[];
  readonly dryRun?: true;
}

export function certificateAnswer(
  { id, name, rev, details, usedBy, createdAtMs, updatedAtMs }: CertificateRecord,
  notes: CertificateNotes,
) {
  const { notBeforeMs, notAfterMs, chainNotAfterMs, chainHash: _, ...shown } = details;
  return {
    id,
    name,
    revision: rev,
    ...shown,
    notBefore: moment(notBeforeMs),
    notAfter: moment(notAfterMs),
    chainNotAfter: moment(chainNotAfterMs),
    usedBy,
    createdAt: moment(createdAtMs),
    updatedAt: moment(updatedAtMs),
    ...notes,
  };
}
