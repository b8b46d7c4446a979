import { Buffer } from "node:buffer";

import { framePartsMax, framePartsMsMax, messageBytesMax } from "../base/limits.ts";
import type { PartFrame } from "./common.ts";

/** Parts of the one message that is on its way; plain data, so that it can be stored. */
export interface PartsState {
  readonly id: string;
  readonly of: number;
  readonly sinceMs: number;
  /** Characters of all pieces together. */
  readonly chars: number;
  /** base64url pieces in order, from part 1. */
  readonly pieces: readonly string[];
}

export type PartsStep =
  | { readonly kind: "more"; readonly state: PartsState }
  | { readonly kind: "complete"; readonly text: string }
  | { readonly kind: "refused"; readonly why: "out-of-order" | "too-big" };

/** base64url makes four characters of three bytes, and each piece rounds up. */
const charsMax = Math.ceil((messageBytesMax * 4) / 3) + framePartsMax;

/**
 * Takes the next part. Parts of one message come in order and without others between them, as a
 * link delivers them; anything else is refused, and so is more than `messageBytesMax` in all. A set
 * that is overdue counts as not there; whoever keeps it drops it by `unlessOverdue`.
 */
export function takePart(
  waiting: PartsState | undefined,
  part: PartFrame,
  nowMs: number,
): PartsStep {
  const known = unlessOverdue(waiting, nowMs);
  const begun = { id: part.id, of: part.of, sinceMs: nowMs, chars: 0, pieces: [] };
  const state = part.n === 1 || known === undefined ? begun : known;
  if (!belongs(state, part)) return { kind: "refused", why: "out-of-order" };
  const chars = state.chars + part.data.length;
  if (chars > charsMax) return { kind: "refused", why: "too-big" };
  const pieces = [...state.pieces, part.data];
  if (pieces.length < state.of) return { kind: "more", state: { ...state, chars, pieces } };
  const bytes = pieces.map((piece) => Buffer.from(piece, "base64url"));
  return { kind: "complete", text: Buffer.concat(bytes).toString("utf8") };
}

/** The set as long as it may still be completed, from its first part on `framePartsMsMax`. */
export function unlessOverdue(
  waiting: PartsState | undefined,
  nowMs: number,
): PartsState | undefined {
  return waiting === undefined || nowMs - waiting.sinceMs > framePartsMsMax ? undefined : waiting;
}

function belongs(state: PartsState, part: PartFrame): boolean {
  return (
    part.id === state.id &&
    part.of === state.of &&
    part.of <= framePartsMax &&
    part.n === state.pieces.length + 1
  );
}
