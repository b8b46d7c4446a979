import { expiryWarningDays } from "#shared/base/limits.ts";

import type { CertificateEnd } from "./chain-end.ts";

/** A certificate that has come nearer to its end than it was told of before, or has reached it. */
export interface ExpiryWarning extends CertificateEnd {
  /** In words, with the moment. */
  readonly detail: string;
}

const dayMs = 24 * 60 * 60 * 1_000;

/**
 * Tells of ends that come near: of each certificate once at every one of `expiryWarningDays`, and
 * once when it is over. A renewed one begins anew.
 */
export class ExpiryWatch {
  /** By pointer: the end that was told, and the days of the last threshold. */
  #told = new Map<string, { readonly notAfterMs: number; readonly days: number }>();

  /** What is to be told now of the certificates in use; what is not in use any more is forgotten. */
  due(ends: readonly CertificateEnd[], nowMs: number): readonly ExpiryWarning[] {
    const told = new Map<string, { readonly notAfterMs: number; readonly days: number }>();
    const warnings: ExpiryWarning[] = [];
    for (const end of ends) {
      const days = thresholdOf(end.notAfterMs - nowMs);
      if (days === undefined) continue;
      const before = this.#told.get(end.pointer);
      const isKnown = before?.notAfterMs === end.notAfterMs && before.days <= days;
      told.set(end.pointer, isKnown ? before : { notAfterMs: end.notAfterMs, days });
      if (!isKnown) warnings.push({ ...end, detail: inWords(end.notAfterMs, days) });
    }
    this.#told = told;
    return warnings;
  }
}

/** The nearest threshold that was passed, in days before the end; 0 once it is over. */
function thresholdOf(leftMs: number): number | undefined {
  if (leftMs <= 0) return 0;
  return expiryWarningDays.findLast((most) => leftMs <= most * dayMs);
}

function inWords(notAfterMs: number, days: number): string {
  const moment = new Date(notAfterMs).toISOString();
  if (days === 0) return `was valid until ${moment}`;
  return `is valid until ${moment}: less than ${days === 1 ? "a day" : `${days} days`}`;
}
