import { expect, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { boundedFetch } from "../../../node-agent/discover/bounded-fetch.ts";
import { failedFetch, type Fetch } from "../../../node-agent/discover/discovery.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const bounds = { timeoutMs: 1_000, ended: new AbortController().signal };

test("a fetch that throws, at once or later, is a failure, and its text is not told", async () => {
  const thrown = new TypeError("hush");
  const failing: readonly Fetch[] = [
    () => {
      throw thrown;
    },
    () => Promise.reject(thrown),
  ];
  for (const fetch of failing) {
    expect(await boundedFetch(systemClock(), fetch, bounds)).toEqual(
      failedFetch("failed", "it ended with an unexpected TypeError"),
    );
  }
});

test("a fetch that hangs is aborted when its time is over; one that then names half an answer is told as that", async () => {
  const clock = new FakeClock();
  const half = failedFetch("bad-answer", "half");
  const untilAborted: Fetch = (signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(half)));
  let wasAborted = false;
  const forEver: Fetch = (signal) => {
    signal.addEventListener("abort", () => (wasAborted = true));
    return new Promise(() => undefined);
  };
  const [ended, hung] = [untilAborted, forEver].map((fetch) => boundedFetch(clock, fetch, bounds));
  clock.advance(1_000);
  expect(await ended).toEqual(half);
  expect(await hung).toEqual(failedFetch("timeout", "no answer within 1000 ms"));
  expect(wasAborted).toBe(true);
});
