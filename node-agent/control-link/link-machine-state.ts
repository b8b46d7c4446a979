import { reconnectSpreadMsDefault, heartbeatMs } from "#shared/base/limits.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { RetrySpread } from "#shared/wire/common.ts";
import type { DeltaFrame, RefFrame } from "#shared/wire/control-frames.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";
import type { PartsState } from "#shared/wire/parts.ts";

/** Where the link stands. */
export type LinkStage =
  /** Before the next try. */
  | { readonly kind: "waiting"; readonly untilMs: number }
  /** Dialling; `corrected` when the last try was refused for this host's clock. */
  | { readonly kind: "connecting"; readonly corrected: boolean }
  /** `hello` is sent, `welcome` awaited. */
  | { readonly kind: "greeting"; readonly sinceMs: number }
  | { readonly kind: "open"; readonly sinceMs: number }
  | { readonly kind: "stopped" };

/** A message that names what the node shall run. */
export type ConfigFrame = DeltaFrame | RefFrame;

/** A version and the message that brought it; the nonce is null when that link is gone. */
export interface Answering {
  readonly version: Version;
  readonly nonce: string | null;
}

/** How the running version fares: no errors means that all of it serves. */
export interface Standing {
  readonly version: Version;
  readonly errors: readonly ApplyError[];
}

/**
 * The node's half of the conversation. Plain JSON: written down and read again between any two
 * frames, it goes on the same.
 */
export interface LinkState {
  readonly stage: LinkStage;
  /** What this node took last: verified, and stored unless `durable` is false. */
  readonly running: Version | null;
  readonly durable: boolean;
  /** How `running` fares; null while it is being applied, and before there is one. */
  readonly standing: Standing | null;
  /** A message being fetched, verified and stored: at most one. */
  readonly inHand: Answering | null;
  /** The newest message that came meanwhile; older ones are forgotten. */
  readonly next: ConfigFrame | null;
  /** A version taken, whose steps are still running. */
  readonly applying: Answering | null;
  /** The last version that was refused as a whole: not asked for again. */
  readonly refused: Version | null;
  /** What was desired at the last word of the control plane and is neither here nor coming. */
  readonly missing: Version | null;
  /** The whole snapshot was asked for, so that even the running version is taken again. */
  readonly wantsWhole: boolean;
  /** Fetches that failed in a row, and when to ask for a fresh address. */
  readonly fetchFailures: number;
  readonly getAtMs: number | null;
  /** Set by `welcome`. */
  readonly heartbeatMs: number;
  readonly spread: RetrySpread;
  readonly heartbeatAtMs: number;
  /** When the last sign of life came. */
  readonly heardMs: number;
  /** Failed tries since the last link that held. */
  readonly attempt: number;
  readonly parts: PartsState | null;
}

/** What the node has before the link begins. */
export interface Held {
  readonly running: Version | null;
  /** Whether it is on disk. */
  readonly durable: boolean;
}

/** A link before its `start`. */
export const linkBeforeStart: LinkState = {
  stage: { kind: "stopped" },
  running: null,
  durable: true,
  standing: null,
  inHand: null,
  next: null,
  applying: null,
  refused: null,
  missing: null,
  wantsWhole: false,
  fetchFailures: 0,
  getAtMs: null,
  heartbeatMs,
  spread: { minMs: 0, maxMs: reconnectSpreadMsDefault },
  heartbeatAtMs: 0,
  heardMs: 0,
  attempt: 0,
  parts: null,
};
