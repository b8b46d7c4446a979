import { and, eq } from "drizzle-orm";

import type { TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { idempotency } from "../tables/idempotency.ts";

/** A key as its caller sends it, and what it was sent with. */
export interface IdempotencyClaim {
  readonly key: string;
  readonly fingerprint: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** `claimed`: nobody did it yet, and nobody else will until this transaction ends. */
export type ClaimOutcome =
  | { readonly kind: "claimed" }
  | { readonly kind: "answered"; readonly fingerprint: string; readonly sealedAnswer: string };

/** Claims a key, waiting for another transaction that has claimed it and not ended yet. */
export async function claimIdempotencyKey(
  tx: Transaction,
  tenantId: TenantId,
  claim: IdempotencyClaim,
): Promise<ClaimOutcome> {
  const { key, fingerprint, nowMs } = claim;
  const expiresAt = new Date(claim.expiresAtMs);
  const row = { tenantId, key, fingerprint, sealedAnswer: "", expiresAt };
  const inserted = await tx.insert(idempotency).values(row).onConflictDoNothing().returning();
  if (inserted.length > 0) return { kind: "claimed" };
  const ofKey = and(eq(idempotency.tenantId, tenantId), eq(idempotency.key, key));
  const [found] = await tx.select().from(idempotency).where(ofKey);
  if (found !== undefined && found.expiresAt.getTime() > nowMs) {
    return {
      kind: "answered",
      fingerprint: found.fingerprint,
      sealedAnswer: found.sealedAnswer,
    };
  }
  await tx.delete(idempotency).where(ofKey);
  return claimIdempotencyKey(tx, tenantId, claim);
}

/** Keeps the answer of the key that this transaction has claimed. */
export async function keepAnswer(
  tx: Transaction,
  tenantId: TenantId,
  answer: { readonly key: string; readonly sealedAnswer: string },
): Promise<void> {
  await tx
    .update(idempotency)
    .set({ sealedAnswer: answer.sealedAnswer })
    .where(and(eq(idempotency.tenantId, tenantId), eq(idempotency.key, answer.key)));
}
