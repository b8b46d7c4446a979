import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import {
  backendSessionsMax,
  datagramBytesMax,
  datagramQueueBytesMax,
  dropsToldMs,
  evictSilenceMs,
  flushMsMax,
  heldBytesMax,
  heldDatagramsMax,
  keepAliveMs,
  lastRepliesMs,
  peekBytesMax,
  proofAfterReplyMs,
  proofWithoutReplyMs,
  relayBufferBytes,
  singleSocketIdleMs,
} from "#shared/base/limits.ts";

import { repository } from "../../../support/processes.ts";

const source = readFileSync(join(repository, "node-agent/engine/native/src/limits.h"), "utf8");

test("what both drivers promise stands in C++ with the same numbers", () => {
  expect(valueOf("kFlushMs")).toBe(flushMsMax);
  expect(valueOf("kKeepAliveSeconds")).toBe(keepAliveMs / 1_000);
  expect(valueOf("kPeekBytesMax")).toBe(peekBytesMax);
  expect(valueOf("kBackendSessionsMax")).toBe(backendSessionsMax);
  expect(valueOf("kReadBytes")).toBe(relayBufferBytes);
});

test("what both drivers promise of datagrams stands in C++ with the same numbers", () => {
  expect(valueOf("kHeldDatagramsMax")).toBe(heldDatagramsMax);
  expect(valueOf("kHeldBytesMax")).toBe(heldBytesMax);
  expect(valueOf("kDatagramQueueBytesMax")).toBe(datagramQueueBytesMax);
  expect(valueOf("kProofAfterReplyMs")).toBe(proofAfterReplyMs);
  expect(valueOf("kProofWithoutReplyMs")).toBe(proofWithoutReplyMs);
  expect(valueOf("kEvictSilenceMs")).toBe(evictSilenceMs);
  expect(valueOf("kLastRepliesMs")).toBe(lastRepliesMs);
  expect(valueOf("kSingleSocketIdleMs")).toBe(singleSocketIdleMs);
  expect(valueOf("kDropsToldMs")).toBe(dropsToldMs);
  // With room to tell a datagram that is longer.
  expect(valueOf("kDatagramBytes")).toBeGreaterThan(datagramBytesMax);
});

/** A constant of the engine: a number, a product of numbers, or the name of another constant. */
function valueOf(name: string): number {
  const text = new RegExp(`\\b${name} = ([^;]+);`).exec(source)?.[1];
  if (text === undefined) throw new Error(`limits.h has no ${name}`);
  const factors = text.split("*").map((factor) => factor.trim());
  return factors.reduce((product, factor) => {
    return (
      product * (factor.startsWith("k") ? valueOf(factor) : Number(factor.replaceAll("'", "")))
    );
  }, 1);
}
