import { Buffer } from "node:buffer";

import { framePartsMax, framePartsMsMax } from "../base/limits.ts";
import type { PartFrame } from "./common.ts";

/** Parts of the one message that is on its way; plain data, so that it can be stored. */
export interface PartsState {
  readonly id: string;
  readonly of: number;
  readonly sinceMs: number;
  /** base64url pieces in order, from part 1. */
  readonly pieces: readonly string[];
}

export type PartsStep =
  | { readonly kind: "more"; readonly state: PartsState }
  | { readonly kind: "complete"; readonly text: string }
  | { readonly kind: "refused" };

/**
 * Takes the next part. Parts of one message come in order and without others between them, as a
 * link delivers them; anything else is refused. A set that stays incomplete for
 * `framePartsMsMax` is dropped when the next part comes.
 */
export function takePart(
  waiting: PartsState | undefined,
  part: PartFrame,
  nowMs: number,
): PartsStep {
  const fresh = waiting !== undefined && nowMs - waiting.sinceMs <= framePartsMsMax;
  const state =
    part.n === 1 || !fresh ? { id: part.id, of: part.of, sinceMs: nowMs, pieces: [] } : waiting;
  if (!belongs(state, part)) return { kind: "refused" };
  const pieces = [...state.pieces, part.data];
  if (pieces.length < state.of) return { kind: "more", state: { ...state, pieces } };
  const bytes = pieces.map((piece) => Buffer.from(piece, "base64url"));
  return { kind: "complete", text: Buffer.concat(bytes).toString("utf8") };
}

function belongs(state: PartsState, part: PartFrame): boolean {
  return (
    part.id === state.id &&
    part.of === state.of &&
    part.of <= framePartsMax &&
    part.n === state.pieces.length + 1
  );
}
