import { buckets10sMsKept, clockOffsetMsMax } from "#shared/base/limits.ts";

/** When a report came, and how far its node's clock is off (node's minus ours). */
export interface ReportReceipt {
  readonly receivedMs: number;
  readonly clockOffsetMs: number;
}

/**
 * The moment that a report counts for: its own end when the node's clock can be believed, so that
 * what comes late after an outage still lands where it happened; else the moment of its receipt.
 */
export function reportTimeMs(toMs: number, receipt: ReportReceipt): number {
  const { receivedMs, clockOffsetMs } = receipt;
  if (Math.abs(clockOffsetMs) > clockOffsetMsMax) return receivedMs;
  return Math.min(receivedMs, Math.max(receivedMs - buckets10sMsKept, toMs));
}
