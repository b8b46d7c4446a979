import { jitteredMs } from "#shared/base/backoff.ts";
import { framePartsMsMax, linkSilenceMsMax, welcomeMsMax } from "#shared/base/limits.ts";
import { unlessOverdue } from "#shared/wire/parts.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import { asked, configured, nextTaken } from "./link-machine-config.ts";
import {
  chained,
  noted,
  still,
  type ConnectRefusal,
  type LinkEvent,
  type LinkNote,
  type LinkStep,
  type LinkTerms,
  type Moment,
} from "./link-machine-events.ts";
import { commandAnswered, dropped, isLinked, received } from "./link-machine-frames.ts";
import { standingChanged } from "./link-machine-standing.ts";
import type { Held, LinkState } from "./link-machine-state.ts";
import { waitAfterLoss, waitAfterRefusal } from "./link-machine-wait.ts";

/**
 * The node's half of the link: what follows from an event. Pure; the other half is the control
 * plane's `node-link`, and both keep the same rule: a push is a hint, what either side repeats in
 * its heartbeats is the truth, and a mismatch is repaired by whoever sees it.
 */
export function linkStep(state: LinkState, event: LinkEvent, at: Moment & LinkTerms): LinkStep {
  return event.kind === "answer" ? commandAnswered(state, event) : happened(state, event, at);
}

function happened(
  state: LinkState,
  event: Exclude<LinkEvent, { kind: "answer" }>,
  at: Moment & LinkTerms,
): LinkStep {
  switch (event.kind) {
    case "start":
      return started(state, event.held);
    case "opened":
      return opened(state, at);
    case "received":
      return received(state, event.text, at);
    case "heard":
      return still({ ...state, heardMs: at.nowMs });
    case "lost":
      return lost(state, event.code, at);
    case "refused":
      return refused(state, event.refusal, at);
    case "config":
      return chained(configured(state, event.outcome, at), (next) => nextTaken(next, at.epochMin));
    case "standing":
      return standingChanged(state, event);
    case "durability":
      return durabilityChanged(state, event.durable);
    case "tick":
      return ticked(state, at);
    case "stop":
      return stopped(state, event.reason);
  }
}

/** When `tick` is due next; null when only an event can move the link. */
export function linkDueMs(state: LinkState): number | null {
  const { stage } = state;
  switch (stage.kind) {
    case "waiting":
      return stage.untilMs;
    case "greeting":
      return stage.sinceMs + welcomeMsMax;
    case "open":
      return Math.min(
        state.heartbeatAtMs,
        state.heardMs + linkSilenceMsMax,
        state.getAtMs ?? Infinity,
        state.parts === null ? Infinity : state.parts.sinceMs + framePartsMsMax + 1,
      );
    case "connecting":
    case "stopped":
      return null;
  }
}

function started(state: LinkState, { running, durable }: Held): LinkStep {
  if (state.stage.kind !== "stopped") return still(state);
  const applying = running === null ? null : { version: running, nonce: null };
  return connecting({ ...state, running, durable, applying });
}

function connecting(state: LinkState): LinkStep {
  return {
    state: { ...state, stage: { kind: "connecting", corrected: false } },
    effects: [{ kind: "connect" }],
  };
}

function opened(state: LinkState, at: Moment): LinkStep {
  if (state.stage.kind !== "connecting") return still(state);
  return {
    state: {
      ...state,
      stage: { kind: "greeting", sinceMs: at.nowMs },
      heardMs: at.nowMs,
      parts: null,
    },
    effects: [{ kind: "hello", have: state.running }],
  };
}

function lost(state: LinkState, code: number, at: Moment): LinkStep {
  return isLinked(state) ? waitAfterLoss(state, { code, retry: null }, at) : still(state);
}

function refused(state: LinkState, refusal: ConnectRefusal, at: Moment): LinkStep {
  const dialling = state.stage.kind === "connecting";
  return dialling ? waitAfterRefusal(state, refusal, at) : still(state);
}

function durabilityChanged(state: LinkState, durable: boolean): LinkStep {
  const open = state.stage.kind === "open";
  return { state: { ...state, durable }, effects: open ? [{ kind: "heartbeat" }] : [] };
}

function ticked(state: LinkState, at: Moment): LinkStep {
  const { stage } = state;
  switch (stage.kind) {
    case "waiting":
      return at.nowMs >= stage.untilMs ? connecting(state) : still(state);
    case "greeting":
      return at.nowMs >= stage.sinceMs + welcomeMsMax
        ? gaveUp(state, "no-welcome", at)
        : still(state);
    case "open":
      return tickedOpen(state, at);
    case "connecting":
    case "stopped":
      return still(state);
  }
}

function tickedOpen(state: LinkState, at: Moment): LinkStep {
  if (at.nowMs >= state.heardMs + linkSilenceMsMax) return gaveUp(state, "silent", at);
  const parts = unlessOverdue(state.parts ?? undefined, at.nowMs) ?? null;
  return chained(beaten({ ...state, parts }, at), (next) =>
    next.getAtMs !== null && at.nowMs >= next.getAtMs
      ? asked(next, null, "fetch-failed")
      : still(next),
  );
}

function beaten(state: LinkState, at: Moment): LinkStep {
  if (at.nowMs < state.heartbeatAtMs) return still(state);
  const heartbeatAtMs = at.nowMs + jitteredMs(state.heartbeatMs, 0.2, at.random);
  return { state: { ...state, heartbeatAtMs }, effects: [{ kind: "heartbeat" }] };
}

function gaveUp(state: LinkState, note: LinkNote, at: Moment): LinkStep {
  const step = dropped(state, { code: closeCodes.goingAway, retry: null }, at);
  return { ...step, effects: [...step.effects, noted(note)] };
}

function stopped(state: LinkState, reason: string): LinkStep {
  const code = closeCodes.goingAway;
  const goodbye = { kind: "send", frame: { t: "bye", code, reason, retry: null } } as const;
  const close = { kind: "close", code, reason } as const;
  return {
    state: { ...state, stage: { kind: "stopped" } },
    effects: state.stage.kind === "open" ? [goodbye, close] : [close],
  };
}
