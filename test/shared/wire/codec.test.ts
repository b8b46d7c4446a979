import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import {
  frameBytesMax,
  framePartsMax,
  framePartsMsMax,
  messageBytesMax,
} from "#shared/base/limits.ts";
import { decodeAssembled, decodeFrame, encodeFrame, frameBytes } from "#shared/wire/codec.ts";
import { nodeFrameSchema } from "#shared/wire/node-frames.ts";
import { takePart, type PartsState } from "#shared/wire/parts.ts";

const anySchema = z.object({ t: z.literal("any"), value: z.unknown() });

/** Encodes, sends every text as a frame, and puts together what arrives. */
function carried(frame: object): unknown {
  let state: PartsState | undefined;
  for (const text of encodeFrame(frame, "m1")) {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(frameBytesMax);
    const decoded = decodeFrame(anySchema, text);
    if (decoded.kind === "frame") return decoded.frame;
    if (decoded.kind === "refused") throw new Error(decoded.why);
    const step = takePart(state, decoded.part, 0);
    if (step.kind === "refused") throw new Error("part refused");
    if (step.kind === "more") {
      state = step.state;
      continue;
    }
    const assembled = decodeAssembled(anySchema, step.text);
    if (assembled.kind === "frame") return assembled.frame;
  }
  throw new Error("nothing arrived");
}

describe("a frame", () => {
  test("arrives as it was sent, in one text or in parts, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (unit, times) => {
        const frame = { t: "any", value: unit.toWellFormed().repeat(times * 100) };
        expect(carried(frame)).toEqual(frame);
      }),
      { numRuns: 50 },
    );
    const big = { t: "any", value: "€".repeat(300_000) };
    expect(carried(big)).toEqual(big);
  });

  test("up to the limit is one text, above it parts", () => {
    const empty = frameBytes({ t: "any", value: "" });
    const fitting = { t: "any", value: "x".repeat(frameBytesMax - empty) };
    expect(encodeFrame(fitting, "m")).toHaveLength(1);
    expect(encodeFrame({ ...fitting, value: `${fitting.value}x` }, "m")).toHaveLength(2);
  });

  test("that would need too many parts is a fault, not a flood", () => {
    const huge = { t: "any", value: "x".repeat(framePartsMax * 20_000) };
    expect(() => encodeFrame(huge, "m")).toThrow(expect.objectContaining({ code: "wire/too-big" }));
  });

  test("that is none is refused with the reason, and nothing is thrown", () => {
    const refusal = (text: string) => decodeFrame(nodeFrameSchema, text);
    expect(refusal("{")).toEqual({ kind: "refused", why: "not-json" });
    expect(refusal("null")).toEqual({ kind: "refused", why: "malformed" });
    expect(refusal('{"t":"hb"}')).toEqual({ kind: "refused", why: "malformed" });
    expect(refusal("€".repeat(frameBytesMax / 2))).toEqual({ kind: "refused", why: "too-big" });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(["frame", "part", "refused"]).toContain(refusal(text).kind);
      }),
    );
  });

  test("keeps unknown fields out: a later version may have more", () => {
    const text = JSON.stringify({ t: "any", value: 1, later: true });
    expect(decodeFrame(anySchema, text)).toEqual({ kind: "frame", frame: { t: "any", value: 1 } });
  });
});

describe("parts", () => {
  const part = (n: number, of = 3, id = "m") => ({ t: "part" as const, id, n, of, data: "YQ" });

  test("come in order, from the first, all of one message", () => {
    const first = takePart(undefined, part(1), 0);
    if (first.kind !== "more") throw new Error("not the first of three");
    expect(takePart(first.state, part(3), 0).kind, "one is missing").toBe("refused");
    expect(takePart(first.state, part(2, 3, "other"), 0).kind).toBe("refused");
    expect(takePart(first.state, part(2, 4), 0).kind).toBe("refused");
    expect(takePart(undefined, part(2), 0).kind).toBe("refused");
    expect(takePart(undefined, part(1, framePartsMax + 1), 0).kind).toBe("refused");
    const second = takePart(first.state, part(2), 0);
    if (second.kind !== "more") throw new Error("not the second of three");
    expect(takePart(second.state, part(3), 0)).toEqual({ kind: "complete", text: "aaa" });
  });

  test("that stayed incomplete too long are forgotten", () => {
    const first = takePart(undefined, part(1), 0);
    if (first.kind !== "more") throw new Error("not the first of three");
    expect(takePart(first.state, part(2), framePartsMsMax + 1).kind).toBe("refused");
    expect(takePart(first.state, part(1), framePartsMsMax + 1).kind).toBe("more");
    expect(takePart(first.state, part(1, 3, "new"), 1).kind, "a new message begins").toBe("more");
  });

  test("are refused when they are more than a message may have, whatever they claim", () => {
    let state: PartsState | undefined;
    const data = "A".repeat(27_000);
    for (let n = 1; n <= framePartsMax; n += 1) {
      const step = takePart(state, { t: "part", id: "m", n, of: framePartsMax, data }, 0);
      if (step.kind === "refused") {
        expect(step.why).toBe("too-big");
        expect(state?.chars).toBeLessThanOrEqual((messageBytesMax / 3) * 4 + framePartsMax + 1);
        return;
      }
      state = step.kind === "more" ? step.state : undefined;
    }
    expect.unreachable("64 parts of 27,000 characters are more than a message may have");
  });

  test("of the biggest message that may be sent are taken", () => {
    const value = "x".repeat(messageBytesMax - JSON.stringify({ t: "any", value: "" }).length);
    let state: PartsState | undefined;
    let whole = "";
    for (const text of encodeFrame({ t: "any", value }, "m")) {
      const decoded = decodeFrame(anySchema, text);
      if (decoded.kind !== "part") throw new Error("not a part");
      const step = takePart(state, decoded.part, 0);
      if (step.kind === "more") state = step.state;
      if (step.kind === "complete") whole = step.text;
    }
    expect(JSON.parse(whole)).toEqual({ t: "any", value });
  });

  test("are plain data: stored between any two, they make the same message", () => {
    const texts = encodeFrame({ t: "any", value: "x".repeat(70_000) }, "m");
    let state: PartsState | undefined;
    let whole = "";
    for (const text of texts) {
      const decoded = decodeFrame(anySchema, text);
      if (decoded.kind !== "part") throw new Error("not a part");
      const step = takePart(state, decoded.part, 0);
      if (step.kind === "more") state = JSON.parse(JSON.stringify(step.state)) as PartsState;
      if (step.kind === "complete") whole = step.text;
    }
    expect(JSON.parse(whole)).toEqual({ t: "any", value: "x".repeat(70_000) });
  });
});
