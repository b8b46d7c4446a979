import { lastRepliesMs } from "#shared/base/limits.ts";

import type { SessionEndReason, SessionTerms } from "../datagrams.ts";

export interface SessionActivity {
  /** Monotonic: when the session was given a backend, or the side sent something since. */
  readonly clientSeenMs: number;
  readonly backendSeenMs: number;
  /** When its client had sent all it may. */
  readonly requestsDoneMs: number | undefined;
}

export interface SessionDeadline {
  readonly atMs: number;
  readonly reason: SessionEndReason;
}

/** The next moment at which silence ends a session; undefined when none does. */
export function sessionDeadline(
  terms: Pick<SessionTerms, "clientIdleMs" | "backendIdleMs" | "idleMode">,
  { clientSeenMs, backendSeenMs, requestsDoneMs }: SessionActivity,
): SessionDeadline | undefined {
  const eitherMs = Math.max(clientSeenMs, backendSeenMs);
  const isTwoWay = terms.idleMode === "twoWay";
  const ends: SessionDeadline[] = [];
  if (terms.clientIdleMs > 0) {
    const seenMs = isTwoWay ? eitherMs : clientSeenMs;
    ends.push({ atMs: seenMs + terms.clientIdleMs, reason: "client-idle" });
  }
  if (terms.backendIdleMs > 0) {
    const seenMs = isTwoWay ? eitherMs : backendSeenMs;
    ends.push({ atMs: seenMs + terms.backendIdleMs, reason: "backend-idle" });
  }
  if (requestsDoneMs !== undefined) {
    const seenMs = Math.max(requestsDoneMs, backendSeenMs);
    ends.push({ atMs: seenMs + lastRepliesMs, reason: "requests-done" });
  }
  return ends.toSorted((a, b) => a.atMs - b.atMs)[0];
}
