import {
  nodeEventBurstMax,
  nodeEventsPerSecondMax,
  nodeFrameBurstMax,
  nodeFramesPerSecondMax,
} from "#shared/base/limits.ts";
import { refilled, type Rate } from "#shared/base/token-bucket.ts";
import { decodeAssembled, decodeFrame, type Decoded } from "#shared/wire/codec.ts";
import type { PartFrame } from "#shared/wire/common.ts";
import { nodeFrameSchema, type NodeEvent, type NodeFrame } from "#shared/wire/node-frames.ts";
import { takePart } from "#shared/wire/parts.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import { acked, nacked } from "./link-machine-answers.ts";
import { ended } from "./link-machine-close.ts";
import { wanted } from "./link-machine-config.ts";
import { still, type LinkEffect, type LinkStep, type Moment } from "./link-machine-events.ts";
import { heartbeatHeard } from "./link-machine-heartbeat.ts";
import { greeted } from "./link-machine-hello.ts";
import { answered } from "./link-machine-questions.ts";
import type { LinkState } from "./link-machine-state.ts";
import { reported } from "./link-machine-statistics.ts";

/** How many frames a node may send, and how many events. */
export const nodeFrameRate: Rate = { burst: nodeFrameBurstMax, perSecond: nodeFramesPerSecondMax };
export const nodeEventRate: Rate = { burst: nodeEventBurstMax, perSecond: nodeEventsPerSecondMax };

/** Takes one text frame of the node. */
export function received(state: LinkState, text: string, at: Moment): LinkStep {
  const heard = charged({ ...state, heardMs: at.nowMs }, at);
  if (heard.frameBucket.tokens < -nodeFrameBurstMax) {
    const retry = { minMs: 5_000, maxMs: 30_000 };
    return ended(heard, { code: closeCodes.slowDown, reason: "too many frames", retry });
  }
  return decoded(heard, decodeFrame(nodeFrameSchema, text), at);
}

function charged(state: LinkState, at: Moment): LinkState {
  const { tokens, atMs } = refilled(state.frameBucket, nodeFrameRate, at.nowMs);
  return { ...state, frameBucket: { tokens: tokens - 1, atMs } };
}

/** As many events as the node may still report; the others are left out. */
function told(state: LinkState, events: readonly NodeEvent[], at: Moment): LinkStep {
  const { tokens, atMs } = refilled(state.eventBucket, nodeEventRate, at.nowMs);
  const taken = events.slice(0, Math.floor(tokens));
  const effects: LinkEffect[] = [];
  if (taken.length > 0) effects.push({ kind: "events", events: taken });
  if (taken.length < events.length) effects.push({ kind: "note", note: "events-shed" });
  return {
    state: { ...state, eventBucket: { tokens: tokens - taken.length, atMs } },
    effects,
  };
}

function decoded(state: LinkState, outcome: Decoded<NodeFrame>, at: Moment): LinkStep {
  switch (outcome.kind) {
    case "frame":
      return framed(state, outcome.frame, at);
    case "part":
      return parted(state, outcome.part, at);
    case "refused":
      return outcome.why === "too-big"
        ? ended(state, { code: closeCodes.tooBig, reason: "frame is too big" })
        : ended(state, { code: closeCodes.protocol, reason: `frame is ${outcome.why}` });
  }
}

function parted(state: LinkState, part: PartFrame, at: Moment): LinkStep {
  if (state.stage !== "open") return outOfOrder(state);
  const step = takePart(state.parts ?? undefined, part, at.nowMs);
  switch (step.kind) {
    case "more":
      return still({ ...state, parts: step.state });
    case "complete":
      return decoded({ ...state, parts: null }, decodeAssembled(nodeFrameSchema, step.text), at);
    case "refused":
      return step.why === "too-big"
        ? ended(state, { code: closeCodes.tooBig, reason: "message is too big" })
        : ended(state, { code: closeCodes.protocol, reason: "parts out of order" });
  }
}

function framed(state: LinkState, frame: NodeFrame, at: Moment): LinkStep {
  if ((state.stage === "awaiting-hello") !== (frame.t === "hello")) return outOfOrder(state);
  switch (frame.t) {
    case "hello":
      return greeted(state, frame, at);
    case "get":
      return wanted(state, frame, at);
    case "ack":
      return acked(state, frame, at);
    case "nack":
      return nacked(state, frame, at);
    case "hb":
      return heartbeatHeard(state, frame, at);
    case "st":
      return state.frameBucket.tokens < 0
        ? { state, effects: [{ kind: "note", note: "reports-shed" }] }
        : reported(state, frame.report);
    case "ev":
      return told(state, frame.events, at);
    case "cmdr":
      return answered(state, frame);
    case "bye":
      return ended(state, { code: closeCodes.goingAway, reason: "the node said bye" });
  }
}

function outOfOrder(state: LinkState): LinkStep {
  return ended(state, { code: closeCodes.protocol, reason: "frame is out of order" });
}
