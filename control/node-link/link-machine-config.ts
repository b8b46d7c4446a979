import { configAnswerMsMax, configRetryMs, refAnswerMsMax } from "#shared/base/limits.ts";
import { orderOf, sameVersion, type Version } from "#shared/snapshot/version.ts";
import type { AckFrame, GetFrame, NackFrame } from "#shared/wire/node-frames.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import type { ConfigMessage, PreparedConfig } from "../publish/prepared-config.ts";
import { ended } from "./link-machine-close.ts";
import {
  chained,
  still,
  type LinkEffect,
  type LinkStep,
  type Moment,
} from "./link-machine-events.ts";
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

/** The node says how far a version has come. */
export function acked(state: LinkState, frame: AckFrame, at: Moment): LinkStep {
  if (!isAnswer(state, frame)) return unknownNonce(state);
  const durable: LinkEffect = {
    kind: "status",
    change: { durable: frame.durable },
    soon: !frame.durable,
  };
  if (frame.phase === "serving") {
    const running: LinkState = { ...state, running: frame.version };
    const done = frame.nonce === null ? spokenOf(running) : settled(running);
    return chained(
      chained({ state, effects: [durable] }, () => done),
      (next) => reconciled(next, at),
    );
  }
  if (state.inFlight === null || frame.nonce === null) return still(state);
  const { phase } = frame;
  return {
    state: {
      ...state,
      phase,
      inFlight: { ...state.inFlight, sinceMs: at.nowMs, tried: "nothing" },
    },
    effects: [
      durable,
      { kind: "status", change: { phase }, soon: true },
      { kind: "receipt", receipt: { rev: frame.version.rev, phase, errors: [] } },
    ],
  };
}

/** The version on its way is what the node runs now, all of it. */
export function settled(state: LinkState): LinkStep {
  const { running } = state;
  if (running === null) return still({ ...state, inFlight: null });
  const phase = "serving";
  return {
    state: { ...state, inFlight: null, phase },
    effects: [
      { kind: "status", change: { running, phase, failing: 0, errors: [] }, soon: true },
      { kind: "receipt", receipt: { rev: running.rev, phase, errors: [] } },
    ],
  };
}

/** The node speaks of what it runs without having been asked: what failed before serves now. */
function spokenOf(state: LinkState): LinkStep {
  const current = sameVersion(state.running ?? undefined, state.desired ?? undefined);
  if (current && state.inFlight === null) return settled({ ...state, refused: null });
  return {
    state,
    effects: [{ kind: "status", change: { running: state.running }, soon: true }],
  };
}

/**
 * The node refused a version, or a part of it; it is not sent again on this link. A part means that
 * all of it was tried: it counts as applied, and serves once what failed does.
 */
export function nacked(state: LinkState, frame: NackFrame, at: Moment): LinkStep {
  if (!isAnswer(state, frame) || !concerns(state, frame)) return unknownNonce(state);
  const { version, running, errors } = frame;
  const phase = frame.partial ? "degraded" : "refused";
  const reached = frame.partial ? "applied" : "refused";
  const failing = new Set(errors.flatMap((error) => error.id ?? [])).size;
  const refused: LinkStep = {
    state: {
      ...state,
      running,
      phase,
      refused: version,
      inFlight: frame.nonce === null ? state.inFlight : null,
    },
    effects: [
      { kind: "status", change: { running, phase, errors, failing }, soon: true },
      { kind: "receipt", receipt: { rev: version.rev, phase: reached, errors } },
    ],
  };
  return chained(refused, (next) => reconciled(next, at));
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

function isAnswer(
  state: LinkState,
  frame: { readonly nonce: string | null; readonly version: Version },
): boolean {
  if (frame.nonce === null) return true;
  const { inFlight } = state;
  return inFlight?.nonce === frame.nonce && sameVersion(inFlight.to, frame.version);
}

/** Unasked, a node speaks of what it runs or shall run, of nothing else. */
function concerns(state: LinkState, frame: NackFrame): boolean {
  if (frame.nonce !== null) return true;
  return [state.running, state.desired].some((known) =>
    sameVersion(known ?? undefined, frame.version),
  );
}

function unknownNonce(state: LinkState): LinkStep {
  return { state, effects: [{ kind: "note", note: "unknown-nonce" }] };
}
