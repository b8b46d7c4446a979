import { describe, expect, onTestFinished, test } from "vitest";

import { startHealthLoop, type HealthLoop } from "../../../node-agent/health/health-loop.ts";
import type { Probe, ProbeResult } from "../../../node-agent/health/probe.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

interface Checks {
  readonly startedMs: number[];
  /** Ends the check that is under way. */
  answer(passes: boolean): Promise<void>;
  readonly underWay: () => number;
  readonly probe: Probe;
}

/** A target that answers when the test says so. */
function heldChecks(clock: FakeClock): Checks {
  const startedMs: number[] = [];
  const waiting: ((result: ProbeResult) => void)[] = [];
  return {
    startedMs,
    underWay: () => waiting.length,
    answer: (passes) => {
      waiting.shift()?.(
        passes
          ? { verdict: "passed", tookMs: 1 }
          : { verdict: "failed", tookMs: 1, detail: "ECONNREFUSED" },
      );
      return settled();
    },
    probe: () => {
      startedMs.push(clock.monotonicMs());
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** A target that answers at once, by a script of `.` and `x`; the last one stays. */
function scripted(clock: FakeClock, script: string): Pick<Checks, "startedMs" | "probe"> {
  const startedMs: number[] = [];
  const probe: Probe = () => {
    const mark = script[Math.min(startedMs.length, script.length - 1)];
    startedMs.push(clock.monotonicMs());
    const result: ProbeResult =
      mark === "."
        ? { verdict: "passed", tookMs: 0 }
        : { verdict: "failed", tookMs: 0, detail: "ECONNREFUSED" };
    return Promise.resolve(result);
  };
  return { startedMs, probe };
}

function start(clock: FakeClock, probe: Probe): { loop: HealthLoop; results: ProbeResult[] } {
  const results: ProbeResult[] = [];
  const loop = startHealthLoop(
    { clock, random: seededRandom(7), probe },
    {
      target: { host: "192.0.2.1", port: 80 },
      intervalMs: 1_000,
      onResult: (result) => results.push(result),
    },
  );
  onTestFinished(() => loop.stop());
  return { loop, results };
}

describe("the health loop", () => {
  test("F-HC-02 checks at once: a dead backend is found before the first interval has passed", async () => {
    const clock = new FakeClock();
    const checks = scripted(clock, "x");
    const { results } = start(clock, checks.probe);
    await settled();

    expect(checks.startedMs).toEqual([0]);
    expect(results).toMatchObject([{ verdict: "failed" }]);
  });

  test("F-HC-03 X-HC-24 checks start every interval, within ten percent, and not in step", async () => {
    const clock = new FakeClock();
    const checks = scripted(clock, ".");
    start(clock, checks.probe);
    await clock.advanceSettled(60_000);

    const gaps = checks.startedMs.slice(1).map((at, index) => at - (checks.startedMs[index] ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(55);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(900);
      expect(gap).toBeLessThanOrEqual(1_100);
    }
    expect(new Set(gaps).size).toBeGreaterThan(1);
  });

  test("X-HC-24 a check that outlasts its interval is not overlapped, and the next follows it", async () => {
    const clock = new FakeClock();
    const checks = heldChecks(clock);
    start(clock, checks.probe);
    await clock.advanceSettled(3_500);
    expect([checks.startedMs.length, checks.underWay()]).toEqual([1, 1]);

    await checks.answer(true);
    await clock.advanceSettled(0);
    expect(checks.startedMs).toEqual([0, 3_500]);
  });

  test("F-HC-21 a stopped loop checks no more, and reports not even the check under way", async () => {
    const clock = new FakeClock();
    const checks = heldChecks(clock);
    const { loop, results } = start(clock, checks.probe);
    loop.stop();
    await checks.answer(true);
    await clock.advanceSettled(10_000);

    expect(checks.startedMs).toEqual([0]);
    expect(results).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
