import { expect, test } from "vitest";

import { accessBatchMs, accessErrorsPerSecondMax, accessLinesMax } from "#shared/base/limits.ts";

import { AccessRecorder } from "../../../node-agent/flow/access-recorder.ts";
import type { AccessEnd } from "../../../node-agent/flow/access-trace.ts";
import type { AccessLines } from "../../../node-agent/runtime/access-log.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const peer = { address: "10.0.0.9", port: 4711, localAddress: "10.0.0.1", localPort: 80 };
const served: AccessEnd = {
  reason: "client-closed",
  tried: ["10.0.0.5:80"],
  rxBytes: 1,
  txBytes: 2,
};
const unserved: AccessEnd = { ...served, reason: "no-backend", tried: [] };

function recorder(random: () => number = () => 0) {
  const clock = new FakeClock();
  const sent: AccessLines[] = [];
  const access = new AccessRecorder({ clock, random, send: (lines) => sent.push(lines) });
  const run = (sample: number, end: AccessEnd): void => {
    const terms = { balancer: "bal_a", balancerName: "web", sample };
    access.end(access.begin(terms, { peer, proxy: undefined, listener: "10.0.0.1:80" }), end);
  };
  const all = () => ({
    count: sent.reduce((sum, { count }) => sum + count, 0),
    dropped: sent.reduce((sum, { dropped }) => sum + dropped, 0),
  });
  return { clock, sent, access, run, all };
}

test("the rate decides by the randomness that is handed in: the same again, and about so many", () => {
  const logged = (): number => {
    const { clock, run, all } = recorder(seededRandom(7));
    for (let index = 0; index < 5_000; index += 1) run(0.1, served);
    clock.advance(accessBatchMs);
    return all().count;
  };
  expect(logged()).toBe(logged());
  expect(logged()).toBeGreaterThan(400);
  expect(logged()).toBeLessThan(600);
});

test("rate 1 logs all; rate 0 none but what failed", () => {
  const { clock, run, all } = recorder(() => 0.999_999);
  run(1, served);
  run(0, served);
  run(0, unserved);
  clock.advance(accessBatchMs);
  expect(all()).toEqual({ count: 2, dropped: 0 });
});

test("failures that were not sampled are bounded by second; what is left out is counted", () => {
  const { clock, run, all, access } = recorder();
  for (let index = 0; index < accessErrorsPerSecondMax + 30; index += 1) run(0, unserved);
  clock.advance(accessBatchMs);
  expect(all()).toEqual({ count: accessErrorsPerSecondMax, dropped: 30 });

  access.taken();
  clock.advance(1_000);
  run(0, unserved);
  clock.advance(accessBatchMs);
  expect(all()).toEqual({ count: accessErrorsPerSecondMax + 1, dropped: 30 });
});

test("while nobody takes what was sent, so many lines wait and the others are left out and counted", () => {
  const { clock, sent, run, all, access } = recorder();
  run(1, served);
  clock.advance(accessBatchMs);
  expect(sent).toHaveLength(1);

  for (let index = 0; index < accessLinesMax + 5; index += 1) run(1, served);
  clock.advance(60_000);
  expect(sent).toHaveLength(1);

  access.taken();
  clock.advance(accessBatchMs);
  expect(all()).toEqual({ count: accessLinesMax + 1, dropped: 5 });
  access.taken();
  expect(clock.timers).toBe(0);
});

test("a stop hands over what is there", () => {
  const { run, all, access, clock } = recorder();
  run(1, served);
  access.stop();
  expect(all()).toEqual({ count: 1, dropped: 0 });
  expect(clock.timers).toBe(0);
});
