import { expect, test } from "vitest";

import { CheckGate } from "../../../node-agent/health/gated-probe.ts";
import type { Probe, ProbeResult } from "../../../node-agent/health/probe.ts";
import { settled } from "../../support/fake-clock.ts";

const target = { host: "192.0.2.1", port: 80 };
const never = new AbortController().signal;
const ok: ProbeResult = { verdict: "passed", tookMs: 0 };

function held(): { probe: Probe; answer: () => Promise<void>; started: () => number } {
  const waiting: PromiseWithResolvers<ProbeResult>[] = [];
  let started = 0;
  return {
    probe: () => {
      started += 1;
      const result = Promise.withResolvers<ProbeResult>();
      waiting.push(result);
      return result.promise;
    },
    answer: () => {
      waiting.shift()?.resolve(ok);
      return settled();
    },
    started: () => started,
  };
}

test("so many checks run at the same time, and the others follow in the order they came", async () => {
  const gate = new CheckGate(2);
  const { probe, answer, started } = held();
  const done: number[] = [];
  const gated = gate.gated(probe);
  for (let index = 0; index < 5; index += 1) void gated(target, never).then(() => done.push(index));
  await settled();
  expect(started()).toBe(2);

  for (let index = 1; index <= 5; index += 1) {
    await answer();
    expect(started()).toBe(Math.min(5, 2 + index));
  }
  expect(done).toEqual([0, 1, 2, 3, 4]);
});

test("who is aborted while waiting leaves the line, and takes nobody's place", async () => {
  const gate = new CheckGate(1);
  const { probe, answer, started } = held();
  const gated = gate.gated(probe);
  const abort = new AbortController();
  const first = gated(target, never);
  const second = gated(target, abort.signal);
  const third = gated(target, never);

  abort.abort();

  expect(await second).toMatchObject({ verdict: "none" });
  await answer();
  expect([await first, started()]).toEqual([ok, 2]);
  await answer();
  expect(await third).toEqual(ok);
});
