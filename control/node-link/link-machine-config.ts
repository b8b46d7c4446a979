import { configAnswerMsMax, configRetryMs, refAnswerMsMax } from "#shared/base/limits.ts";
import { orderOf, sameVersion, type Version } from "#shared/snapshot/version.ts";
import type { GetFrame } from "#shared/wire/node-frames.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import type { ConfigMessage, PreparedConfig } from "../publish/prepared-config.ts";
import { ended } from "./link-machine-close.ts";
import { chained, still, type LinkStep, type Moment } from "./link-machine-events.ts";
import type { InFlight, LinkState } from "./link-machine-state.ts";

/**
 * Starts a configuration message when the node runs something else than it shall.
 *
 * INVARIANT: one message at a time; while one is on its way only `desired` changes, so that the
 * next message leads to the newest version, whatever came in between.
 */
export function reconciled(state: LinkState, at: Moment): LinkStep {
  return mayPrepare(state, at)
    ? asked(state, { whole: false, tried: "nothing" }, at)
    : still(state);
}

/** Whether the node runs something that is newer than what it shall run. */
export function isAhead(state: LinkState): boolean {
  if (state.running === null || state.desired === null) return false;
  const order = orderOf(state.running, state.desired);
  return order === "older" || order === "older-epoch";
}

/** Another version is desired now. */
export function desiredChanged(state: LinkState, version: Version, at: Moment): LinkStep {
  if (sameVersion(state.desired ?? undefined, version)) return still(state);
  const next: LinkState = { ...state, desired: version, phase: null, retryAtMs: null };
  if (next.stage !== "open") return still(next);
  const change = { desired: version, phase: null };
  const told: LinkStep = { state: next, effects: [{ kind: "status", change, soon: false }] };
  return chained(told, (now) => reconciled(now, at));
}

/** A message was made, or could not be. Comes too late when another was asked for since. */
export function prepared(
  state: LinkState,
  event: { readonly request: number; readonly config: PreparedConfig },
  at: Moment,
): LinkStep {
  const { inFlight } = state;
  if (inFlight === null || inFlight.request !== event.request || inFlight.nonce !== null) {
    return still(state);
  }
  switch (event.config.kind) {
    case "message":
      return sent(state, { inFlight, config: event.config }, at);
    case "nothing":
      return still({ ...state, inFlight: null });
    case "unavailable":
      return still({ ...state, inFlight: null, retryAtMs: at.nowMs + configRetryMs });
  }
}

function sent(
  state: LinkState,
  message: {
    readonly inFlight: InFlight;
    readonly config: ConfigMessage;
  },
  at: Moment,
): LinkStep {
  const { nonce, to, pulled, texts } = message.config;
  const inFlight = { ...message.inFlight, nonce, to, pulled, sinceMs: at.nowMs };
  const phase = "sent";
  return {
    state: { ...state, inFlight, phase, retryAtMs: null },
    effects: [
      { kind: "send-config", texts },
      { kind: "status", change: { phase, desired: to }, soon: false },
      { kind: "receipt", receipt: { rev: to.rev, phase, errors: [] } },
    ],
  };
}

/** The node asks for the whole snapshot, even of a version it refused. */
export function wanted(state: LinkState, frame: GetFrame, at: Moment): LinkStep {
  const { inFlight, desired } = state;
  if (desired === null) return still(state);
  const coming = inFlight !== null && sameVersion(inFlight.to, desired);
  const enough = coming && (frame.why === "missing" || (inFlight.whole && inFlight.nonce === null));
  return enough ? still(state) : asked(state, { whole: true, tried: "nothing" }, at);
}

/** A message without an answer: first ask, then send it once more, then give the link up. */
export function overdue(
  state: LinkState,
  at: Moment,
  probe: (state: LinkState) => LinkStep,
): LinkStep {
  const { inFlight } = state;
  if (inFlight === null || at.nowMs - inFlight.sinceMs < answerMsMax(inFlight)) return still(state);
  if (inFlight.nonce === null) return still({ ...state, inFlight: null });
  switch (inFlight.tried) {
    case "nothing":
      return probe({ ...state, inFlight: { ...inFlight, tried: "probe", sinceMs: at.nowMs } });
    case "probe":
      return asked(state, { whole: inFlight.whole, tried: "repeat" }, at);
    case "repeat":
      return chained({ state, effects: [{ kind: "note", note: "no-answer" }] }, (next) =>
        ended(next, { code: closeCodes.tryLater, reason: "no answer to a configuration message" }),
      );
  }
}

function answerMsMax(inFlight: InFlight): number {
  return inFlight.pulled ? refAnswerMsMax : configAnswerMsMax;
}

function mayPrepare(state: LinkState, at: Moment): boolean {
  const { desired, running, refused } = state;
  if (state.stage !== "open" || desired === null || state.inFlight !== null) return false;
  if (state.pausedSinceMs !== null) return false;
  if (state.retryAtMs !== null && at.nowMs < state.retryAtMs) return false;
  if (sameVersion(running ?? undefined, desired)) return false;
  return !sameVersion(refused ?? undefined, desired) && !isAhead(state);
}

function asked(state: LinkState, how: Pick<InFlight, "whole" | "tried">, at: Moment): LinkStep {
  const { desired, running } = state;
  if (desired === null) return still(state);
  const request = state.requests + 1;
  const { whole } = how;
  return {
    state: {
      ...state,
      requests: request,
      inFlight: {
        request,
        to: desired,
        whole,
        nonce: null,
        pulled: false,
        sinceMs: at.nowMs,
        tried: how.tried,
      },
    },
    effects: [{ kind: "prepare", request, from: running, whole }],
  };
}
