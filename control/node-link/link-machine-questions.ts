import { planMarginMs, questionsPerLinkMax } from "#shared/base/limits.ts";
import type { CommandResultFrame } from "#shared/wire/node-frames.ts";

import { still, type LinkStep, type Moment, type Question } from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";

/**
 * Asks the node, unless it was asked already, cannot hear it now, or has enough to answer: whoever
 * wants to know asks again until there is an answer.
 */
export function asked(state: LinkState, question: Question, { nowMs }: Moment): LinkStep {
  const { id, name, deadlineMs, args } = question;
  const mayAsk = state.stage === "open" && state.pausedSinceMs === null;
  if (!mayAsk || deadlineMs < 1 || isAsked(state, id)) return still(state);
  if (state.asked.length >= questionsPerLinkMax) return still(state);
  return {
    state: { ...state, asked: [...state.asked, { id, untilMs: nowMs + deadlineMs }] },
    effects: [{ kind: "send", frame: { t: "cmd", id, name, deadlineMs, args } }],
  };
}

/** Whether the node is about to answer this already. */
export function isAsked(state: LinkState, question: string): boolean {
  return state.asked.some(({ id }) => id === question);
}

/** What nobody asked on this link, or not any more, is noted and left. */
export function answered(state: LinkState, { id, code, result }: CommandResultFrame): LinkStep {
  if (!isAsked(state, id)) return { state, effects: [{ kind: "note", note: "unknown-command" }] };
  return {
    state: { ...state, asked: state.asked.filter((one) => one.id !== id) },
    effects: [{ kind: "answered", question: id, code, result }],
  };
}

/** Makes room for other questions: nobody waits for these answers any more. */
export function withoutOverdue(state: LinkState, { nowMs }: Moment): LinkState {
  const isWaited = state.asked.filter(({ untilMs }) => nowMs <= untilMs + answerGraceMs);
  return isWaited.length === state.asked.length ? state : { ...state, asked: isWaited };
}

/** An answer that was sent in time may be on its way. */
const answerGraceMs = planMarginMs;
