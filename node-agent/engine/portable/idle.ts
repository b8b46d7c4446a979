import { halfClosedSilenceMsMax } from "#shared/base/limits.ts";

import type { CloseReason, ConnectTerms } from "../engine.ts";

/** What one side of a connection did, as far as its silence matters. */
export interface SideActivity {
  /** When it last sent something, or was last read again after the other side had been slow. */
  seenMs: number;
  /** It has ended its stream and will send no more. */
  hasEnded: boolean;
  /** The other side is slow, so this one is not read and cannot be told from a silent one. */
  isHeld: boolean;
}

/** When a silent connection is closed, and whose silence it was. */
export interface IdleDeadline {
  readonly atMs: number;
  readonly reason: CloseReason;
}

interface IdleInput {
  readonly terms: Pick<ConnectTerms, "clientIdleMs" | "backendIdleMs" | "idleMode">;
  readonly client: Readonly<SideActivity>;
  readonly backend: Readonly<SideActivity>;
  readonly nowMs: number;
}

/**
 * The next moment at which a connection's silence ends it; undefined when none does. Where no idle
 * timeout is set, a connection with one end closed still has one: `halfClosedSilenceMsMax`.
 */
export function idleDeadline(input: IdleInput): IdleDeadline | undefined {
  const { client, backend, terms, nowMs } = input;
  const bothSeenMs = Math.max(client.seenMs, backend.seenMs);
  const seenMs = (side: Readonly<SideActivity>): number => {
    if (terms.idleMode === "twoWay" || side.hasEnded) return bothSeenMs;
    return side.isHeld ? nowMs : side.seenMs;
  };
  if (terms.clientIdleMs === 0 && terms.backendIdleMs === 0) {
    const reason = client.hasEnded ? "client-closed" : "backend-closed";
    const isHalfClosed = client.hasEnded || backend.hasEnded;
    return isHalfClosed ? { atMs: bothSeenMs + halfClosedSilenceMsMax, reason } : undefined;
  }
  const clientAtMs = deadlineMs(seenMs(client), terms.clientIdleMs);
  const backendAtMs = deadlineMs(seenMs(backend), terms.backendIdleMs);
  return clientAtMs <= backendAtMs
    ? { atMs: clientAtMs, reason: "client-idle" }
    : { atMs: backendAtMs, reason: "backend-idle" };
}

function deadlineMs(seenMs: number, idleMs: number): number {
  return idleMs === 0 ? Number.POSITIVE_INFINITY : seenMs + idleMs;
}
