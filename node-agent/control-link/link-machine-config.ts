import { backoffMs } from "#shared/base/backoff.ts";
import { reconnectFirstMs, reconnectMsMax, snapshotBytesMax } from "#shared/base/limits.ts";
import { orderOf, sameVersion, type Version } from "#shared/snapshot/version.ts";
import type { ApplyError, GetFrame } from "#shared/wire/node-frames.ts";

import {
  noted,
  still,
  type ConfigOutcome,
  type LinkStep,
  type Moment,
} from "./link-machine-events.ts";
import {
  nackOf,
  refusedEvent,
  settled,
  standingTold,
  storedAck,
  untouched,
} from "./link-machine-standing.ts";
import type { Answering, ConfigFrame, LinkState } from "./link-machine-state.ts";

/**
 * A message names what to run. One is in hand at a time; of those that come meanwhile only the
 * newest is kept, because each of them leads to the newest version of its moment.
 */
export function offered(state: LinkState, frame: ConfigFrame, epochMin: number): LinkStep {
  if (state.inHand !== null) return still({ ...state, next: frame });
  if (frame.to.epoch < epochMin) return olderEpoch(state, frame);
  switch (orderOf(state.running ?? undefined, frame.to)) {
    case "same":
      return frame.t === "ref" && state.wantsWhole ? taken(state, frame) : again(state, frame);
    case "older":
      // The next heartbeat of the control plane would repair it; saying now what runs is faster.
      return { state, effects: [noted("older-version", textOf(frame.to)), { kind: "heartbeat" }] };
    case "older-epoch":
      return olderEpoch(state, frame);
    case "conflict":
      return frame.t === "ref" ? taken(state, frame) : asked(state, frame.to, "conflict");
    case "newer":
      return newer(state, frame);
  }
}

/** The control plane says what it desires; asked for when it was missing twice in a row. */
export function desiredHeard(state: LinkState, desired: Version | null): LinkStep {
  const why = desired === null ? undefined : lackOf(state, desired);
  if (why === undefined) return still({ ...state, missing: null });
  if (!sameVersion(state.missing ?? undefined, desired ?? undefined)) {
    return still({ ...state, missing: desired });
  }
  const step = asked(state, desired, why);
  return { ...step, effects: [...step.effects, noted("asked-for-missing")] };
}

/** Why the desired version would have to be asked for; undefined when it is here or on its way. */
function lackOf(state: LinkState, desired: Version): "missing" | "conflict" | undefined {
  const coming = state.inHand !== null || state.next !== null || state.getAtMs !== null;
  if (coming || sameVersion(state.refused ?? undefined, desired)) return undefined;
  const order = orderOf(state.running ?? undefined, desired);
  if (order === "newer") return "missing";
  return order === "conflict" ? "conflict" : undefined;
}

/** Something became of the message in hand, or of the version that is being applied. */
export function configured(state: LinkState, outcome: ConfigOutcome, at: Moment): LinkStep {
  switch (outcome.kind) {
    case "fetch-failed":
      return fetchFailed(state, at);
    case "refused":
      return refused(state, outcome);
    case "accepted":
      return still(accepted(state, outcome));
    case "slow":
      return storedAck(state, outcome.version);
    case "settled":
      return settled(state, outcome);
  }
}

/** The message that waited, once the hand is free. */
export function nextTaken(state: LinkState, epochMin: number): LinkStep {
  const { next } = state;
  if (next === null || state.inHand !== null) return still(state);
  return offered({ ...state, next: null }, next, epochMin);
}

/** Asks for the whole snapshot. */
export function asked(state: LinkState, want: Version | null, why: GetFrame["why"]): LinkStep {
  return {
    state: { ...state, wantsWhole: true, getAtMs: null },
    effects: [{ kind: "send", frame: { t: "get", want, why } }],
  };
}

function newer(state: LinkState, frame: ConfigFrame): LinkStep {
  if (frame.t === "ref") {
    return frame.bytes > snapshotBytesMax ? tooBig(state, frame) : taken(state, frame);
  }
  if (sameVersion(frame.base ?? undefined, state.running ?? undefined)) return taken(state, frame);
  const step = asked(state, frame.to, "base-mismatch");
  return { ...step, effects: [...step.effects, noted("base-mismatch", textOf(frame.to))] };
}

function taken(state: LinkState, frame: ConfigFrame): LinkStep {
  const inHand: Answering = { version: frame.to, nonce: frame.nonce };
  return {
    state: { ...state, inHand, missing: null, wantsWhole: frame.t !== "ref" && state.wantsWhole },
    effects: [{ kind: "take", frame }],
  };
}

/** The version is here already: repeat the answer, or give it when there is one. */
function again(state: LinkState, frame: ConfigFrame): LinkStep {
  if (state.applying !== null) {
    return still({ ...state, applying: { ...state.applying, nonce: frame.nonce } });
  }
  const told = { nonce: frame.nonce, balancers: [], connections: untouched };
  return { state, effects: standingTold(state, told) };
}

function olderEpoch(state: LinkState, frame: ConfigFrame): LinkStep {
  const detail = `epoch ${frame.to.epoch} is older than this node's: a database from before a restore`;
  return wholeRefused(state, frame, { id: null, pointer: "", code: "older-epoch", detail });
}

function tooBig(state: LinkState, frame: ConfigFrame): LinkStep {
  const detail = `a snapshot has at most ${snapshotBytesMax} bytes`;
  return wholeRefused(state, frame, { id: null, pointer: "", code: "too-big", detail });
}

function wholeRefused(state: LinkState, frame: ConfigFrame, error: ApplyError): LinkStep {
  const answering: Answering = { version: frame.to, nonce: frame.nonce };
  return {
    state: { ...state, refused: frame.to, missing: null },
    effects: [nackOf(state, answering, error), refusedEvent(error)],
  };
}

function refused(state: LinkState, outcome: Extract<ConfigOutcome, { kind: "refused" }>): LinkStep {
  const answering = state.inHand ?? { version: outcome.version, nonce: null };
  const free: LinkState = { ...state, inHand: null };
  if (outcome.whole && state.stage.kind === "open") {
    const step = asked(free, outcome.version, "root-mismatch");
    return { ...step, effects: [...step.effects, refusedEvent(outcome.error)] };
  }
  const effects = [refusedEvent(outcome.error)];
  if (state.stage.kind === "open") effects.unshift(nackOf(state, answering, outcome.error));
  return { state: { ...free, refused: outcome.version }, effects };
}

function fetchFailed(state: LinkState, at: Moment): LinkStep {
  const waitMs = backoffMs(
    state.fetchFailures,
    { firstMs: reconnectFirstMs, maxMs: reconnectMsMax },
    at.random,
  );
  const open = state.stage.kind === "open";
  return {
    state: {
      ...state,
      inHand: null,
      fetchFailures: state.fetchFailures + 1,
      getAtMs: open ? at.nowMs + waitMs : null,
    },
    effects: [noted("fetch-failed")],
  };
}

function accepted(
  state: LinkState,
  outcome: Extract<ConfigOutcome, { kind: "accepted" }>,
): LinkState {
  const { version, durable } = outcome;
  return {
    ...state,
    running: version,
    durable,
    standing: null,
    applying: { version, nonce: state.inHand?.nonce ?? null },
    inHand: null,
    refused: null,
    fetchFailures: 0,
  };
}

function textOf(version: Version): string {
  return `epoch ${version.epoch}, revision ${version.rev}`;
}
