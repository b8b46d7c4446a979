import { Buffer } from "node:buffer";

import type { z } from "zod";

import { Fault } from "../base/fault.ts";
import { frameBytesMax, framePartsMax } from "../base/limits.ts";
import { partFrameSchema, type PartFrame } from "./common.ts";

/** What a received text turned out to be. */
export type Decoded<F> =
  | { readonly kind: "frame"; readonly frame: F }
  | { readonly kind: "part"; readonly part: PartFrame }
  | { readonly kind: "refused"; readonly why: "too-big" | "not-json" | "malformed" };

/** Bytes of the message in one part: base64url adds a third, the envelope some 200 bytes. */
const partBytes = 20_000;

/**
 * The texts that carry a frame, each at most `frameBytesMax` bytes: one, or numbered parts.
 * @param partsId names the parts, should they be needed
 * @throws Fault `wire/too-big` when it needs more than `framePartsMax` parts
 */
export function encodeFrame(frame: object, partsId: string): readonly string[] {
  const text = JSON.stringify(frame);
  const bytes = Buffer.from(text);
  if (bytes.length <= frameBytesMax) return [text];
  const of = Math.ceil(bytes.length / partBytes);
  if (of > framePartsMax) {
    const message = `a message of ${bytes.length} bytes needs ${of} parts of ${framePartsMax}`;
    throw new Fault({ code: "wire/too-big", owner: "platform", message });
  }
  return Array.from({ length: of }, (_, index) => {
    const data = bytes.subarray(index * partBytes, (index + 1) * partBytes).toString("base64url");
    return JSON.stringify({ t: "part", id: partsId, n: index + 1, of, data } satisfies PartFrame);
  });
}

/** The size of a frame on the wire when it is not split. */
export function frameBytes(frame: object): number {
  return Buffer.byteLength(JSON.stringify(frame));
}

/** Reads one received text. Never throws. */
export function decodeFrame<F>(schema: z.ZodType<F>, text: string): Decoded<F> {
  if (Buffer.byteLength(text) > frameBytesMax) return { kind: "refused", why: "too-big" };
  return decodeMessage(schema, text, true);
}

/** Reads the text of a message whose parts were put together. Never throws. */
export function decodeAssembled<F>(schema: z.ZodType<F>, text: string): Decoded<F> {
  return decodeMessage(schema, text, false);
}

function decodeMessage<F>(schema: z.ZodType<F>, text: string, mayBePart: boolean): Decoded<F> {
  const json = parsedJson(text);
  if (json === undefined) return { kind: "refused", why: "not-json" };
  if (mayBePart) {
    const part = partFrameSchema.safeParse(json.value);
    if (part.success) return { kind: "part", part: part.data };
  }
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) return { kind: "refused", why: "malformed" };
  return { kind: "frame", frame: parsed.data };
}

function parsedJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
