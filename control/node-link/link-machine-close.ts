import type { RetrySpread } from "#shared/wire/common.ts";
import type { CloseCode } from "#shared/wire/protocol.ts";

import type { LinkEffect, LinkStep } from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";

/** How the control plane ends a link. */
export interface Ending {
  readonly code: CloseCode;
  readonly reason: string;
  /** When to come back; null leaves it to the node's own backoff. */
  readonly retry?: RetrySpread | null;
}

/** Says `bye` with the reason, then closes. */
export function ended(state: LinkState, ending: Ending): LinkStep {
  const { code, reason, retry = null } = ending;
  return {
    state: closedState(state),
    effects: [
      { kind: "send", frame: { t: "bye", code, reason, retry } },
      ...gone(state),
      { kind: "close", code, reason },
    ],
  };
}

/** The carrier is gone already: nothing can be said. */
export function lost(state: LinkState): LinkStep {
  return { state: closedState(state), effects: gone(state) };
}

function closedState(state: LinkState): LinkState {
  return { ...state, stage: "closed", inFlight: null, parts: null };
}

function gone(state: LinkState): readonly LinkEffect[] {
  if (state.stage !== "open") return [];
  return [{ kind: "status", change: { connected: false }, soon: true }];
}
