import { z } from "zod";

/** Fields that several frames share. Every text and list is bounded. */
export const idSchema = z.string().min(1).max(64);
export const nonceSchema = z.string().min(1).max(64);
export const timeMsSchema = z.int().min(0);
export const textSchema = z.string().max(2_000);

/** A spread within which the receiver picks its moment of reconnecting. */
export interface RetrySpread {
  readonly minMs: number;
  readonly maxMs: number;
}

export const retrySpreadSchema: z.ZodType<RetrySpread> = z.object({
  minMs: timeMsSchema,
  maxMs: timeMsSchema,
});

/** A message that does not fit one frame travels as numbered parts; acted on when complete. */
export const partFrameSchema = z.object({
  t: z.literal("part"),
  /** Names the message the parts belong to. */
  id: nonceSchema,
  /** From 1 to `of`. */
  n: z.int().min(1),
  of: z.int().min(1),
  /** base64url of a piece of the message's UTF-8 text. */
  data: z.string(),
});

/** Either side says so before it closes. */
export const byeFrameSchema = z.object({
  t: z.literal("bye"),
  code: z.int(),
  reason: textSchema,
  retry: retrySpreadSchema.nullable(),
});

export type PartFrame = z.output<typeof partFrameSchema>;
