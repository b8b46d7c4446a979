import {
  helloMsMax,
  linkSilenceMsMax,
  linkStuckMsMax,
  linkUnsentBytesMax,
  linkUnsentBytesPause,
} from "#shared/base/limits.ts";
import { fullBucket } from "#shared/base/token-bucket.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { RetrySpread } from "#shared/wire/common.ts";
import { unlessOverdue } from "#shared/wire/parts.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import { ended, lost } from "./link-machine-close.ts";
import { desiredChanged, overdue, prepared, reconciled } from "./link-machine-config.ts";
import {
  chained,
  still,
  type LinkEvent,
  type LinkStep,
  type Moment,
} from "./link-machine-events.ts";
import { nodeEventRate, nodeFrameRate, received } from "./link-machine-frames.ts";
import { beaten, beatenWhenDue } from "./link-machine-heartbeat.ts";
import { asked, withoutOverdue } from "./link-machine-questions.ts";
import type { LinkState } from "./link-machine-state.ts";
import { reportSettled } from "./link-machine-statistics.ts";

/** What is known of a node when its link opens. */
export interface OpenLink {
  readonly session: string;
  readonly desired: Version | null;
  /** Last report stored, by boot. */
  readonly marks: Readonly<Record<string, number>>;
  readonly reconnect: RetrySpread;
}

/** A link whose carrier just opened; the node speaks first. */
export function openLink(open: OpenLink, at: Moment): LinkState {
  return {
    stage: "awaiting-hello",
    session: open.session,
    openedMs: at.nowMs,
    heardMs: at.nowMs,
    reconnect: open.reconnect,
    protocol: 0,
    bootId: "",
    clockOffsetMs: 0,
    running: null,
    desired: open.desired,
    phase: null,
    inFlight: null,
    requests: 0,
    refused: null,
    retryAtMs: null,
    marks: open.marks,
    reportsStored: 0,
    reportsAccepted: 0,
    heartbeatSentMs: at.nowMs,
    heartbeatDue: false,
    parts: null,
    asked: [],
    frameBucket: fullBucket(nodeFrameRate, at.nowMs),
    eventBucket: fullBucket(nodeEventRate, at.nowMs),
    pausedSinceMs: null,
  };
}

/**
 * The control plane's half of the conversation with a node (docs/protocol.md): from a state and an
 * event to the next state and what shall be done. Never throws; a closed link stays closed.
 */
export function stepLink(state: LinkState, event: LinkEvent, at: Moment): LinkStep {
  if (state.stage === "closed") return still(state);
  switch (event.kind) {
    case "received":
      return received(state, event.text, at);
    case "received-binary":
      return ended(state, { code: closeCodes.protocol, reason: "frames are text" });
    case "desired":
      return desiredChanged(state, event.version, at);
    case "prepared":
      return prepared(state, event, at);
    case "ask":
      return asked(state, event.question, at);
    case "report-settled":
      return chained(reportSettled(state, event), (next) => beatenWhenDue(next, at));
    case "unsent":
      return unsent(state, event.bytes, at);
    case "tick":
      return ticked(state, at);
    case "close":
      return ended(state, event);
    case "carrier-closed":
      return lost(state);
  }
}

/** The carrier holds bytes that the node does not read. */
function unsent(state: LinkState, bytes: number, at: Moment): LinkStep {
  if (bytes > linkUnsentBytesMax) {
    return ended(state, { code: closeCodes.tryLater, reason: "the node reads too slowly" });
  }
  if (bytes > linkUnsentBytesPause) {
    return still({ ...state, pausedSinceMs: state.pausedSinceMs ?? at.nowMs });
  }
  if (state.pausedSinceMs === null) return still(state);
  return reconciled({ ...state, pausedSinceMs: null }, at);
}

function ticked(state: LinkState, at: Moment): LinkStep {
  if (state.stage === "awaiting-hello") {
    if (at.nowMs - state.openedMs < helloMsMax) return still(state);
    return ended(state, { code: closeCodes.helloTimeout, reason: "no hello came" });
  }
  if (at.nowMs - state.heardMs > linkSilenceMsMax) {
    return ended(state, { code: closeCodes.tryLater, reason: "the node is silent" });
  }
  if (state.pausedSinceMs !== null && at.nowMs - state.pausedSinceMs > linkStuckMsMax) {
    return ended(state, { code: closeCodes.tryLater, reason: "the node reads nothing" });
  }
  const parts = unlessOverdue(state.parts ?? undefined, at.nowMs) ?? null;
  const heard = withoutOverdue({ ...state, parts }, at);
  const answered = overdue(heard, at, (next) => beaten(next, at));
  const tried = chained(answered, (next) => reconciled(next, at));
  return chained(tried, (next) => beatenWhenDue(next, at));
}
