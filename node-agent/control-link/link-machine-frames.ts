import { jitteredMs } from "#shared/base/backoff.ts";
import { decodeAssembled, decodeFrame, type Decoded } from "#shared/wire/codec.ts";
import { retrySpreadSchema, type PartFrame } from "#shared/wire/common.ts";
import {
  controlFrameSchema,
  type CommandFrame,
  type ControlFrame,
  type WelcomeFrame,
} from "#shared/wire/control-frames.ts";
import { takePart } from "#shared/wire/parts.ts";
import { closeCodes, type CloseCode } from "#shared/wire/protocol.ts";

import { asked, desiredHeard, offered } from "./link-machine-config.ts";
import {
  chained,
  noted,
  still,
  type LinkEvent,
  type LinkStep,
  type LinkTerms,
  type Moment,
} from "./link-machine-events.ts";
import { standingTold, untouched } from "./link-machine-standing.ts";
import type { LinkState } from "./link-machine-state.ts";
import { waitAfterLoss, type LinkEnd } from "./link-machine-wait.ts";

/** Takes one text frame of the control plane. */
export function received(state: LinkState, text: string | null, at: Moment & LinkTerms): LinkStep {
  if (!isLinked(state)) return still(state);
  if (text === null) {
    return badFrame(state, { code: closeCodes.protocol, detail: "not a text frame" }, at);
  }
  const heard: LinkState = { ...state, heardMs: at.nowMs };
  return decoded(heard, decodeFrame(controlFrameSchema, text), at);
}

function decoded(
  state: LinkState,
  outcome: Decoded<ControlFrame>,
  at: Moment & LinkTerms,
): LinkStep {
  switch (outcome.kind) {
    case "frame":
      return framed(state, outcome.frame, at);
    case "part":
      return parted(state, outcome.part, at);
    case "refused": {
      const code = outcome.why === "too-big" ? closeCodes.tooBig : closeCodes.protocol;
      return badFrame(state, { code, detail: outcome.why }, at);
    }
  }
}

function parted(state: LinkState, part: PartFrame, at: Moment & LinkTerms): LinkStep {
  const step = takePart(state.parts ?? undefined, part, at.nowMs);
  switch (step.kind) {
    case "more":
      return still({ ...state, parts: step.state });
    case "complete": {
      const whole = decodeAssembled(controlFrameSchema, step.text);
      return decoded({ ...state, parts: null }, whole, at);
    }
    case "refused":
      return step.why === "too-big"
        ? badFrame(state, { code: closeCodes.tooBig, detail: "message is too big" }, at)
        : badFrame(state, { code: closeCodes.protocol, detail: "parts out of order" }, at);
  }
}

function framed(state: LinkState, frame: ControlFrame, at: Moment & LinkTerms): LinkStep {
  const greeting = state.stage.kind === "greeting";
  if (frame.t === "bye") return dropped(state, frame, at);
  if (greeting !== (frame.t === "welcome")) {
    return badFrame(state, { code: closeCodes.protocol, detail: `${frame.t} out of order` }, at);
  }
  switch (frame.t) {
    case "welcome":
      return welcomed(state, frame, at);
    case "delta":
    case "ref":
      return offered(state, frame, at.epochMin);
    case "hb": {
      const step = desiredHeard(state, frame.desired);
      const mark = { kind: "reports-marked", mark: frame.statistics } as const;
      return { ...step, effects: [mark, ...step.effects] };
    }
    case "cmd":
      return commanded(state, frame, at);
  }
}

/** The link stands: take over the timers, say how the running version fares. */
function welcomed(state: LinkState, welcome: WelcomeFrame, at: Moment): LinkStep {
  const open: LinkState = {
    ...state,
    stage: { kind: "open", sinceMs: at.nowMs },
    heartbeatMs: welcome.heartbeatMs,
    spread: welcome.reconnect,
    heartbeatAtMs: at.nowMs + jitteredMs(welcome.heartbeatMs, 0.2, at.random),
  };
  const told = standingTold(open, { nonce: null, balancers: [], connections: untouched });
  const step: LinkStep = { state: open, effects: [{ kind: "welcomed", welcome }, ...told] };
  return chained(step, (next) => desiredHeard(next, welcome.desired));
}

function commanded(state: LinkState, command: CommandFrame, at: Moment): LinkStep {
  switch (command.name) {
    case "resync":
      return chained(answered(state, command, "done"), (next) => asked(next, null, "missing"));
    case "reconnect": {
      const spread = retrySpreadSchema.safeParse(command.args);
      const retry = spread.success ? spread.data : null;
      const end = { code: closeCodes.restart, retry };
      return chained(answered(state, command, "done"), (next) => dropped(next, end, at));
    }
    case "revoke":
      // What runs keeps running; the control plane closes the link and refuses the next one.
      return answered(state, command, "done");
    case "plan":
    case "health":
      return { state, effects: [{ kind: "asked", command }] };
    case "drain":
      return answered(state, command, "unsupported");
  }
}

function answered(state: LinkState, { id }: CommandFrame, code: "done" | "unsupported"): LinkStep {
  return commandAnswered(state, { command: id, code, result: null });
}

/** Tells what became of a command. Without a link it is nobody's: whoever still waits asks again. */
export function commandAnswered(
  state: LinkState,
  { command, code, result }: Omit<Extract<LinkEvent, { kind: "answer" }>, "kind">,
): LinkStep {
  if (state.stage.kind !== "open") return still(state);
  const frame = { t: "cmdr", id: command, ok: code === "done", code, result } as const;
  return { state, effects: [{ kind: "send", frame }] };
}

/** The other side does not keep to the protocol. */
function badFrame(
  state: LinkState,
  bad: { readonly code: CloseCode; readonly detail: string },
  at: Moment,
): LinkStep {
  const end = chained({ state, effects: [noted("bad-frame", bad.detail)] }, (next) =>
    waitAfterLoss(next, { code: bad.code, retry: null }, at),
  );
  const close = { kind: "close", code: bad.code, reason: bad.detail } as const;
  return { ...end, effects: [close, ...end.effects] };
}

/** Ends the carrier ourselves and waits for the next try. */
export function dropped(state: LinkState, end: LinkEnd, at: Moment): LinkStep {
  const step = waitAfterLoss(state, end, at);
  const close = { kind: "close", code: closeCodes.goingAway, reason: "" } as const;
  return { ...step, effects: [close, ...step.effects] };
}

/** Whether a carrier is open. */
export function isLinked(state: LinkState): boolean {
  return state.stage.kind === "greeting" || state.stage.kind === "open";
}
