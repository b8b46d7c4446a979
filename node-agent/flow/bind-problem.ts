import type { FlowProblem } from "../apply/flows.ts";

export interface FailedBind {
  /** The bind as it is written. */
  readonly text: string;
  /** Where it stands in the definition. */
  readonly pointer: string;
  readonly outcome: { readonly code: string; readonly detail: string };
}

/** Why a bind could not be had, in words for whoever wrote it. */
export function bindProblem({ text, pointer, outcome }: FailedBind): FlowProblem {
  return { pointer, code: outcome.code, detail: `${text}: ${inWords(outcome)}` };
}

function inWords({ code, detail }: FailedBind["outcome"]): string {
  switch (code) {
    case "EADDRINUSE":
      return "something on this node listens there already";
    case "EACCES":
      return "this agent may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE";
    case "EADDRNOTAVAIL":
      return "this node does not have that address";
    default:
      return detail;
  }
}
