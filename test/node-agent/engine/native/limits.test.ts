import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { flushMsMax, keepAliveMs, peekBytesMax, relayBufferBytes } from "#shared/base/limits.ts";

import { repository } from "../../../support/processes.ts";

const source = readFileSync(join(repository, "node-agent/engine/native/src/limits.h"), "utf8");

test("what both drivers promise stands in C++ with the same numbers", () => {
  expect(valueOf("kFlushMs")).toBe(flushMsMax);
  expect(valueOf("kKeepAliveSeconds")).toBe(keepAliveMs / 1_000);
  expect(valueOf("kPeekBytesMax")).toBe(peekBytesMax);
  expect(valueOf("kReadBytes")).toBe(relayBufferBytes);
});

/** A constant of the engine: a number, a product of numbers, or the name of another constant. */
function valueOf(name: string): number {
  const text = new RegExp(`\\b${name} = ([^;]+);`).exec(source)?.[1];
  if (text === undefined) throw new Error(`limits.h has no ${name}`);
  const factors = text.split("*").map((factor) => factor.trim());
  return factors.reduce((product, factor) => {
    return product * (factor.startsWith("k") ? valueOf(factor) : Number(factor));
  }, 1);
}
