import { nackDetailCharsMax, nackErrorsMax } from "#shared/base/limits.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";
import type { AckFrame, ApplyError } from "#shared/wire/node-frames.ts";

import {
  still,
  type ConfigOutcome,
  type LinkEffect,
  type LinkStep,
} from "./link-machine-events.ts";
import type { Answering, LinkState, Standing } from "./link-machine-state.ts";

/** No connection was in the way. */
export const untouched: AckFrame["connections"] = { kept: 0, drained: 0, cut: 0 };

/** Says how the running version fares; null as the nonce when nobody asked. */
export function standingTold(
  state: LinkState,
  told: {
    readonly nonce: string | null;
    readonly balancers: AckFrame["balancers"];
    readonly connections: AckFrame["connections"];
  },
): readonly LinkEffect[] {
  const { standing } = state;
  if (standing === null || state.stage.kind !== "open") return [];
  const { nonce } = told;
  const { version, errors } = standing;
  if (errors.length > 0) {
    const frame = { t: "nack", nonce, version, running: version, partial: true } as const;
    return [{ kind: "send", frame: { ...frame, errors: bounded(errors) } }];
  }
  const { balancers, connections } = told;
  const phase = "serving";
  const { durable } = state;
  return [
    { kind: "send", frame: { t: "ack", nonce, version, phase, balancers, durable, connections } },
  ];
}

/** A result that a newer version has overtaken is nobody's answer any more. */
export function settled(
  state: LinkState,
  outcome: Extract<ConfigOutcome, { kind: "settled" }>,
): LinkStep {
  const { version, errors, balancers, connections } = outcome;
  if (!sameVersion(state.running ?? undefined, version)) return still(state);
  const standing: Standing = { version, errors };
  const next: LinkState = { ...state, standing, applying: null };
  const nonce = state.applying?.nonce ?? null;
  return { state: next, effects: standingTold(next, { nonce, balancers, connections }) };
}

/** A retry changed how the running version fares. */
export function standingChanged(
  state: LinkState,
  change: { readonly balancers: AckFrame["balancers"]; readonly errors: readonly ApplyError[] },
): LinkStep {
  if (state.running === null || state.applying !== null) return still(state);
  const { balancers, errors } = change;
  const next: LinkState = { ...state, standing: { version: state.running, errors } };
  const told = { nonce: null, balancers, connections: untouched };
  return { state: next, effects: standingTold(next, told) };
}

/** Applying takes its time: say at least that the version is safe. */
export function storedAck(state: LinkState, version: Version): LinkStep {
  const { applying, durable } = state;
  if (applying === null || applying.nonce === null || state.stage.kind !== "open") {
    return still(state);
  }
  if (!sameVersion(applying.version, version)) return still(state);
  const { nonce } = applying;
  const frame = { t: "ack", nonce, version, phase: "stored", balancers: [], durable } as const;
  return {
    state,
    effects: [{ kind: "send", frame: { ...frame, balancers: [], connections: untouched } }],
  };
}

/** Nothing of a version is used. */
export function nackOf(state: LinkState, answering: Answering, error: ApplyError): LinkEffect {
  const { version, nonce } = answering;
  const frame = { t: "nack", nonce, version, running: state.running, partial: false } as const;
  return { kind: "send", frame: { ...frame, errors: bounded([error]) } };
}

export function refusedEvent(error: ApplyError): LinkEffect {
  const detail = `${error.code}: ${error.detail}`.slice(0, nackDetailCharsMax);
  return {
    kind: "event",
    event: { kind: "snapshot.refused", balancer: null, backend: null, detail },
  };
}

/** A message has a bound; which balancers fail matters more than every one of their problems. */
function bounded(errors: readonly ApplyError[]): ApplyError[] {
  return errors
    .slice(0, nackErrorsMax)
    .map((error) => ({ ...error, detail: error.detail.slice(0, nackDetailCharsMax) }));
}
