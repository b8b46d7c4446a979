import { sameVersion, type Version } from "#shared/snapshot/version.ts";
import type { AckFrame, NackFrame } from "#shared/wire/node-frames.ts";

import { reconciled } from "./link-machine-config.ts";
import {
  chained,
  still,
  type LinkEffect,
  type LinkStep,
  type Moment,
} from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";

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
