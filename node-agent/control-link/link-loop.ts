import type { Clock, Timer } from "#shared/base/clock.ts";

import type { LinkEffect, LinkEvent, LinkTerms } from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";
import { linkDueMs, linkStep } from "./link-machine.ts";

export interface LinkLoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Does what follows from an event; may dispatch further events. */
  readonly perform: (effect: LinkEffect) => void;
}

/** Runs the link's machine: one event after the other, its effects in order, its timer armed. */
export interface LinkLoop {
  dispatch(event: LinkEvent): void;
  state(): LinkState;
  /** No timer fires afterwards. */
  stop(): void;
}

export function createLinkLoop(deps: LinkLoopDeps, initial: LinkState, terms: LinkTerms): LinkLoop {
  const waiting: LinkEvent[] = [];
  let state = initial;
  let busy = false;
  let due: Timer | undefined;

  const handle = (event: LinkEvent): void => {
    const at = { nowMs: deps.clock.monotonicMs(), random: deps.random, ...terms };
    const step = linkStep(state, event, at);
    state = step.state;
    for (const effect of step.effects) deps.perform(effect);
  };
  const rearm = (): void => {
    due?.stop();
    const atMs = linkDueMs(state);
    if (atMs === null) return;
    const waitMs = Math.max(0, atMs - deps.clock.monotonicMs());
    due = deps.clock.after(waitMs, () => dispatch({ kind: "tick" }));
  };
  const dispatch = (event: LinkEvent): void => {
    waiting.push(event);
    if (busy) return;
    busy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) handle(next);
    busy = false;
    rearm();
  };
  return { dispatch, state: () => state, stop: () => due?.stop() };
}
