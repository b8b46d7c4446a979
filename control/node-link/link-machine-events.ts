import type { Report } from "#shared/measures/report.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { RetrySpread } from "#shared/wire/common.ts";
import type { ControlFrame } from "#shared/wire/control-frames.ts";
import type { ApplyError, HelloFrame, NodeEvent } from "#shared/wire/node-frames.ts";
import type { CloseCode } from "#shared/wire/protocol.ts";

import type { QuestionName } from "../node-rows.ts";
import type { PreparedConfig, WireTexts } from "../publish/prepared-config.ts";
import type { LinkState, NodePhase } from "./link-machine-state.ts";

/** When an event happened. */
export interface Moment {
  /** For measuring: monotonic, or the wall clock where several processes share one link. */
  readonly nowMs: number;
  /** Wall clock, told to the node. */
  readonly wallMs: number;
}

/** What a node is asked. */
export interface Question {
  readonly id: string;
  readonly name: QuestionName;
  readonly args: unknown;
  /** How long the node has. */
  readonly deadlineMs: number;
}

/** What may happen to a link. */
export type LinkEvent =
  | { readonly kind: "received"; readonly text: string }
  | { readonly kind: "received-binary" }
  | { readonly kind: "desired"; readonly version: Version }
  | { readonly kind: "prepared"; readonly request: number; readonly config: PreparedConfig }
  /** `mark` is the last report that is stored; null when the store could not be asked. */
  | {
      readonly kind: "report-settled";
      readonly bootId: string;
      readonly seq: number;
      readonly mark: number | null;
    }
  /** Somebody would like to know something of the node. */
  | { readonly kind: "ask"; readonly question: Question }
  | { readonly kind: "unsent"; readonly bytes: number }
  | { readonly kind: "tick" }
  | {
      readonly kind: "close";
      readonly code: CloseCode;
      readonly reason: string;
      readonly retry: RetrySpread | null;
    }
  | { readonly kind: "carrier-closed" };

/** Things worth a line in the log; a closed list. */
export type LinkNote =
  | "unknown-nonce"
  | "unknown-command"
  | "other-boot"
  | "reports-shed"
  | "events-shed"
  | "node-ahead"
  | "no-answer"
  | "bye";

/** What changed in what the node runs. Missing fields stay as they are. */
export interface StatusChange {
  readonly connected?: boolean;
  readonly desired?: Version | null;
  readonly running?: Version | null;
  readonly phase?: NodePhase | null;
  readonly failing?: number;
  readonly errors?: readonly ApplyError[];
  readonly durable?: boolean;
  readonly connections?: number;
}

/** How far a revision has come on this node. */
export interface Receipt {
  readonly rev: number;
  readonly phase: "sent" | "stored" | "applied" | "serving" | "refused";
  readonly errors: readonly ApplyError[];
}

/** What the carrier and the rest of the control plane shall do, in order. */
export type LinkEffect =
  | { readonly kind: "send"; readonly frame: ControlFrame }
  | { readonly kind: "send-config"; readonly texts: WireTexts }
  /** Make the message that leads from `from` to the desired version; answer with `prepared`. */
  | {
      readonly kind: "prepare";
      readonly request: number;
      readonly from: Version | null;
      readonly whole: boolean;
    }
  | { readonly kind: "introduce"; readonly hello: HelloFrame }
  | { readonly kind: "status"; readonly change: StatusChange; readonly soon: boolean }
  | { readonly kind: "receipt"; readonly receipt: Receipt }
  /** Store the report; answer with `report-settled`. */
  | { readonly kind: "ingest"; readonly report: Report; readonly clockOffsetMs: number }
  | { readonly kind: "events"; readonly events: readonly NodeEvent[] }
  /** The node answered a question of this link; `result` is as it came. */
  | {
      readonly kind: "answered";
      readonly question: string;
      readonly code: string;
      readonly result: unknown;
    }
  | { readonly kind: "note"; readonly note: LinkNote }
  | { readonly kind: "close"; readonly code: CloseCode; readonly reason: string };

/** The state after an event, and what follows from it. */
export interface LinkStep {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** Nothing to do. */
export function still(state: LinkState): LinkStep {
  return { state, effects: [] };
}

/** One step after another: the later one sees the state the earlier one left. */
export function chained(first: LinkStep, next: (state: LinkState) => LinkStep): LinkStep {
  const second = next(first.state);
  return { state: second.state, effects: [...first.effects, ...second.effects] };
}
