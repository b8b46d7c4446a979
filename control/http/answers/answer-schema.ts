import { z } from "zod";

/** Pieces of answers' schemas. */

export const momentSchema = z.string().meta({
  description: "RFC 3339, UTC",
  examples: ["2026-01-31T12:00:00.000Z"],
});

export const problemItemSchema = z.object({
  pointer: z.string().meta({ description: "JSON pointer (RFC 6901) into what was sent" }),
  code: z.string(),
  detail: z.string(),
});

/** A part of a list of `item`s. */
export function pageSchema<S extends z.ZodType>(item: S) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: "For the next part; null at the end" }),
  });
}
