import { heartbeatMs, statisticsMs } from "#shared/base/limits.ts";
import type { WelcomeFrame } from "#shared/wire/control-frames.ts";
import type { HelloFrame } from "#shared/wire/node-frames.ts";
import { closeCodes, protocolVersions } from "#shared/wire/protocol.ts";

import { ended } from "./link-machine-close.ts";
import { isAhead, reconciled } from "./link-machine-config.ts";
import { chained, type LinkEffect, type LinkStep, type Moment } from "./link-machine-events.ts";
import { markOf } from "./link-machine-heartbeat.ts";
import type { LinkState } from "./link-machine-state.ts";

/** The node introduces itself: agree on a protocol, set its timers, send what it lacks. */
export function greeted(state: LinkState, hello: HelloFrame, at: Moment): LinkStep {
  const protocol = protocolVersions.find((version) => hello.protocols.includes(version));
  if (protocol === undefined) {
    const reason = `this control plane speaks protocol ${protocolVersions.join(", ")}`;
    return ended(state, { code: closeCodes.upgradeRequired, reason });
  }
  const open = opened(state, { hello, protocol }, at);
  const effects: LinkEffect[] = [
    { kind: "introduce", hello },
    { kind: "send", frame: welcomeOf(open, at) },
    {
      kind: "status",
      change: { connected: true, desired: open.desired, running: open.running },
      soon: true,
    },
  ];
  if (isAhead(open)) effects.push({ kind: "note", note: "node-ahead" });
  return chained({ state: open, effects }, (next) => reconciled(next, at));
}

function opened(
  state: LinkState,
  agreed: { readonly hello: HelloFrame; readonly protocol: number },
  at: Moment,
): LinkState {
  const { hello, protocol } = agreed;
  const known = Object.hasOwn(state.marks, hello.bootId) ? state.marks[hello.bootId] : undefined;
  const stored = known ?? 0;
  return {
    ...state,
    stage: "open",
    protocol,
    bootId: hello.bootId,
    clockOffsetMs: hello.clockMs - at.wallMs,
    running: hello.have,
    marks: {},
    reportsStored: stored,
    reportsAccepted: stored,
    heartbeatSentMs: at.nowMs,
  };
}

function welcomeOf(state: LinkState, at: Moment): WelcomeFrame {
  return {
    t: "welcome",
    session: state.session,
    protocol: state.protocol,
    heartbeatMs,
    statisticsMs,
    controlTimeMs: at.wallMs,
    reconnect: state.reconnect,
    desired: state.desired,
    statistics: markOf(state),
  };
}
