import type { Bucket } from "#shared/base/token-bucket.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { RetrySpread } from "#shared/wire/common.ts";
import type { PartsState } from "#shared/wire/parts.ts";

/** The configuration message that is on its way: at most one per link. */
export interface InFlight {
  /** Names the request, so that an answer that comes too late is recognised. */
  readonly request: number;
  readonly to: Version;
  /** The whole snapshot was asked for: no difference is sent. */
  readonly whole: boolean;
  /** The message's own name; null while it is being made. */
  readonly nonce: string | null;
  /** Sent as a `ref`, whose answer may take longer. */
  readonly pulled: boolean;
  /** When it was asked for, sent or last answered. */
  readonly sinceMs: number;
  /** What was tried to get an answer: nothing yet, a heartbeat, the same message again. */
  readonly tried: "nothing" | "probe" | "repeat";
}

/** A question on its way. */
export interface AskedOnLink {
  readonly id: string;
  readonly untilMs: number;
}

/** What the node is known to have done with the desired version; a column of `node_status`. */
export type NodePhase = "sent" | "stored" | "applied" | "serving" | "degraded" | "refused";

/** Where the conversation with one node stands. Plain JSON, so that any carrier can store it. */
export interface LinkState {
  readonly stage: "awaiting-hello" | "open" | "closed";
  readonly session: string;
  readonly openedMs: number;
  /** When the last frame came. */
  readonly heardMs: number;
  /** The spread of the node's first reconnect, told in `welcome`. */
  readonly reconnect: RetrySpread;
  /** Protocol version, boot and clock (node's minus ours); set by `hello`. */
  readonly protocol: number;
  readonly bootId: string;
  readonly clockOffsetMs: number;
  /** What the node says it runs. */
  readonly running: Version | null;
  /** What it shall run; null while that is not known. */
  readonly desired: Version | null;
  readonly phase: NodePhase | null;
  readonly inFlight: InFlight | null;
  readonly requests: number;
  /** The version that the node refused as a whole or in part: not sent again on this link. */
  readonly refused: Version | null;
  /** Not before this moment is a message made again; null when the last one could be made. */
  readonly retryAtMs: number | null;
  /** Last reports taken, by boot: what was known when the link opened. */
  readonly marks: Readonly<Record<string, number>>;
  /** The last report that is stored, and the last one that is on its way into the store. */
  readonly reportsStored: number;
  readonly reportsAccepted: number;
  readonly heartbeatSentMs: number;
  readonly heartbeatDue: boolean;
  readonly parts: PartsState | null;
  /** Questions that the node has not answered, and until when an answer is of use. */
  readonly asked: readonly AskedOnLink[];
  /** Frames, and events, that the node may still send. */
  readonly frameBucket: Bucket;
  readonly eventBucket: Bucket;
  /** Since when the carrier holds too much that the node does not read. */
  readonly pausedSinceMs: number | null;
}
