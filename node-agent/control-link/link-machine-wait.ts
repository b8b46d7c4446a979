import { backoffMs, jitteredMs } from "#shared/base/backoff.ts";
import {
  linkStableMs,
  reconnectFirstMs,
  reconnectMsMax,
  refusedRetryMs,
  retryAfterMsMax,
} from "#shared/base/limits.ts";
import type { RetrySpread } from "#shared/wire/common.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import {
  noted,
  type ConnectRefusal,
  type LinkEffect,
  type LinkNote,
  type LinkStep,
  type Moment,
} from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";

/** Why a link that was under way ended. */
export interface LinkEnd {
  /** WebSocket close code, ours or the carrier's. */
  readonly code: number;
  /** What the control plane asked for in `bye`. */
  readonly retry: RetrySpread | null;
}

/**
 * The link is gone; the next try comes later. Waits after a first loss lie within the spread that
 * the control plane set, so that the nodes of a restarted one come back evenly; then they grow
 * with full jitter. A link that held for `linkStableMs` counts as the first again.
 */
export function waitAfterLoss(state: LinkState, end: LinkEnd, at: Moment): LinkStep {
  const { stage } = state;
  const held = stage.kind === "open" && at.nowMs - stage.sinceMs >= linkStableMs;
  const attempt = held ? 0 : state.attempt;
  const waitMs = lossWaitMs(state, { end, attempt }, at);
  const refusal = refusalNotes[end.code];
  return {
    state: unlinked({ ...state, attempt: attempt + 1 }, at.nowMs + waitMs),
    effects: refusal === undefined ? [] : [noted(refusal, `next try in ${waitMs} ms`)],
  };
}

/** No link came about. A clock that is off is corrected and tried again at once, once. */
export function waitAfterRefusal(state: LinkState, refusal: ConnectRefusal, at: Moment): LinkStep {
  const correction = clockCorrection(state, refusal);
  if (correction !== undefined) return correction;
  const waitMs = refusalWaitMs(state, refusal, at);
  return {
    state: unlinked({ ...state, attempt: state.attempt + 1 }, at.nowMs + waitMs),
    effects: [noted(refusalNote(refusal), refusalText(refusal, waitMs))],
  };
}

/**
 * What is left of a link: messages under way are finished, but their answers go to the next link,
 * which knows none of their nonces.
 */
function unlinked(state: LinkState, untilMs: number): LinkState {
  return {
    ...state,
    stage: { kind: "waiting", untilMs },
    inHand: state.inHand === null ? null : { ...state.inHand, nonce: null },
    applying: state.applying === null ? null : { ...state.applying, nonce: null },
    next: null,
    missing: null,
    wantsWhole: false,
    getAtMs: null,
    parts: null,
  };
}

function lossWaitMs(
  state: LinkState,
  loss: { readonly end: LinkEnd; readonly attempt: number },
  at: Moment,
): number {
  const { end, attempt } = loss;
  if (end.retry !== null) return within(end.retry, at);
  if (refusalNotes[end.code] !== undefined) return refusedWaitMs(at);
  const first = attempt === 0 && state.stage.kind === "open";
  return first ? within(state.spread, at) : nextWaitMs(attempt, at);
}

function refusalWaitMs(state: LinkState, refusal: ConnectRefusal, at: Moment): number {
  const backoff = nextWaitMs(state.attempt, at);
  if (refusal.kind === "network") return backoff;
  if (refusedStatuses.has(refusal.status)) return refusedWaitMs(at);
  return Math.min(retryAfterMsMax, (refusal.retryAfterMs ?? 0) + backoff);
}

/** Only people can lift these. */
const refusedStatuses = new Set([403, 404, 409, 426]);

const refusalNotes: Readonly<Record<number, LinkNote>> = {
  [closeCodes.unauthorized]: "link-refused",
  [closeCodes.revoked]: "link-revoked",
  [closeCodes.replaced]: "link-replaced",
  [closeCodes.upgradeRequired]: "agent-too-old",
};

function refusalNote(refusal: ConnectRefusal): LinkNote {
  if (refusal.kind === "network") return "link-refused";
  if (refusal.status === 403) return "link-revoked";
  if (refusal.status === 409) return "link-replaced";
  return refusal.status === 426 ? "agent-too-old" : "link-refused";
}

function refusalText(refusal: ConnectRefusal, waitMs: number): string {
  const why = refusal.kind === "network" ? "unreachable" : `status ${refusal.status}`;
  return `${why}, next try in ${waitMs} ms`;
}

function clockCorrection(state: LinkState, refusal: ConnectRefusal): LinkStep | undefined {
  const { stage } = state;
  if (stage.kind !== "connecting" || stage.corrected) return undefined;
  if (refusal.kind !== "status" || refusal.status !== 401) return undefined;
  const { controlTimeMs } = refusal;
  if (controlTimeMs === null) return undefined;
  const effects: readonly LinkEffect[] = [
    { kind: "correct-clock", controlTimeMs },
    noted("clock-corrected"),
    { kind: "connect" },
  ];
  return { state: { ...state, stage: { kind: "connecting", corrected: true } }, effects };
}

function nextWaitMs(attempt: number, at: Moment): number {
  return backoffMs(attempt, { firstMs: reconnectFirstMs, maxMs: reconnectMsMax }, at.random);
}

function refusedWaitMs(at: Moment): number {
  return jitteredMs(refusedRetryMs, 0.2, at.random);
}

function within(spread: RetrySpread, at: Moment): number {
  const minMs = Math.min(spread.minMs, retryAfterMsMax);
  const maxMs = Math.min(Math.max(spread.maxMs, minMs), retryAfterMsMax);
  return Math.round(minMs + at.random() * (maxMs - minMs));
}
