import { z } from "zod";

import { nearMatch } from "./near-match.ts";

/**
 * An object that takes the keys of `shape` and no other. The message about unknown keys has one
 * line a key, in their order, and names the key that was probably meant.
 */
export function section<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? unknownKeysText(issue["keys"], known) : undefined,
  });
}

/** Looking for near matches costs time; whoever has more slips than this has another problem. */
const hintsMax = 16;

function unknownKeysText(keys: unknown, known: readonly string[]): string {
  return (Array.isArray(keys) ? keys : [])
    .map((key, index) => (index < hintsMax ? hintFor(String(key), known) : "is not known here"))
    .join("\n");
}

function hintFor(key: string, known: readonly string[]): string {
  const near = nearMatch(key, known);
  return near === undefined
    ? `is not known here; known are ${known.join(", ")}`
    : `is not known here; did you mean ${near}?`;
}
