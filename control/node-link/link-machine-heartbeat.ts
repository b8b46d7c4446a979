import { heartbeatGapMs, heartbeatMs } from "#shared/base/limits.ts";
import { sameVersion } from "#shared/snapshot/version.ts";
import type { StatisticsMark } from "#shared/wire/control-frames.ts";
import type { NodeHeartbeatFrame } from "#shared/wire/node-frames.ts";

import { settled } from "./link-machine-answers.ts";
import { reconciled } from "./link-machine-config.ts";
import { chained, still, type LinkStep, type Moment } from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";

/** The last report that is stored, as told to the node. */
export function markOf(state: LinkState): StatisticsMark {
  return { bootId: state.bootId, seq: state.reportsStored };
}

/** A heartbeat now, whatever was sent before. */
export function beaten(state: LinkState, at: Moment): LinkStep {
  return {
    state: { ...state, heartbeatSentMs: at.nowMs, heartbeatDue: false },
    effects: [
      {
        kind: "send",
        frame: {
          t: "hb",
          controlTimeMs: at.wallMs,
          desired: state.desired,
          statistics: markOf(state),
        },
      },
    ],
  };
}

/** The heartbeat that is due: an answer at most every `heartbeatGapMs`, else every `heartbeatMs`. */
export function beatenWhenDue(state: LinkState, at: Moment): LinkStep {
  if (state.stage !== "open" || state.pausedSinceMs !== null) return still(state);
  const gapMs = state.heartbeatDue ? heartbeatGapMs : heartbeatMs;
  return at.nowMs - state.heartbeatSentMs >= gapMs ? beaten(state, at) : still(state);
}

/**
 * The node repeats what it runs. Its word wins over what was believed: this is where a lost answer
 * or a change of its own is noticed and repaired.
 */
export function heartbeatHeard(state: LinkState, frame: NodeHeartbeatFrame, at: Moment): LinkStep {
  const { running, failing, connections, durable } = frame;
  const heard: LinkState = { ...state, running, heartbeatDue: true };
  const seen: LinkStep = {
    state: heard,
    effects: [{ kind: "status", change: { running, failing, connections, durable }, soon: false }],
  };
  const step = chained(seen, (next) =>
    chained(answered(next, failing), (now) => phased(now, failing)),
  );
  return chained(
    chained(step, (next) => reconciled(next, at)),
    (next) => beatenWhenDue(next, at),
  );
}

/** An answer that was asked for with a probe: the node runs what was sent, its `ack` was lost. */
function answered(state: LinkState, failing: number): LinkStep {
  const { inFlight, running } = state;
  if (inFlight === null || inFlight.tried === "nothing") return still(state);
  if (!sameVersion(running ?? undefined, inFlight.to)) return still(state);
  return failing === 0 ? settled(state) : still({ ...state, inFlight: null });
}

/** Nothing is on its way and the node runs what it shall: its phase follows from what fails. */
function phased(state: LinkState, failing: number): LinkStep {
  if (state.inFlight !== null || state.desired === null) return still(state);
  if (!sameVersion(state.running ?? undefined, state.desired)) return still(state);
  const phase = failing > 0 ? "degraded" : "serving";
  if (phase === state.phase) return still(state);
  return phase === "serving"
    ? settled(state)
    : {
        state: { ...state, phase },
        effects: [{ kind: "status", change: { phase }, soon: true }],
      };
}
