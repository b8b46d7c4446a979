import { describe, expect, onTestFinished, test } from "vitest";

import type { Checking } from "../../../node-agent/health/create-checking.ts";
import {
  HealthMonitor,
  type CheckedBackend,
  type HealthFlip,
} from "../../../node-agent/health/health-monitor.ts";
import { NodeChecks } from "../../../node-agent/health/node-checks.ts";
import type { Probe, ProbeResult } from "../../../node-agent/health/probe.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

type Answer = "." | "x" | "?";

const results: Readonly<Record<Answer, ProbeResult>> = {
  ".": { verdict: "passed", tookMs: 0 },
  x: { verdict: "failed", tookMs: 0, detail: "ECONNREFUSED" },
  "?": { verdict: "none", tookMs: 0, detail: "unexpected-output" },
};

interface Rig {
  readonly clock: FakeClock;
  readonly checks: NodeChecks;
  /** Ports that were checked, in order. */
  readonly checked: number[];
  /** What the next checks of a port bring, the last one for ever; healthy unless given. */
  readonly script: Map<number, string>;
  readonly probe: Probe;
}

function rig(): Rig {
  const clock = new FakeClock();
  const checked: number[] = [];
  const script = new Map<number, string>();
  const probe: Probe = ({ port }) => {
    checked.push(port);
    const [next = ".", ...rest] = script.get(port) ?? ".";
    if (rest.length > 0) script.set(port, rest.join(""));
    return Promise.resolve(results[next === "x" || next === "?" ? next : "."]);
  };
  return { clock, checks: new NodeChecks({ clock, random: () => 0.5 }), checked, script, probe };
}

function checkingOf({ probe }: Pick<Rig, "probe">, given: Partial<Checking> = {}): Checking {
  return {
    id: "ping",
    probe,
    intervalMs: 1_000,
    targetOf: (backend) => backend,
    thresholds: { fails: 2, passes: 1 },
    firstDecides: false,
    ...given,
  };
}

function monitorOf({ checks }: Rig, checking: Checking | undefined) {
  const flips: HealthFlip[] = [];
  let timesKnown = 0;
  const monitor = new HealthMonitor(
    { checks, onFlip: (flip) => flips.push(flip), onAllKnown: () => (timesKnown += 1) },
    checking,
  );
  onTestFinished(() => monitor.stop());
  return { monitor, flips, timesKnown: () => timesKnown };
}

function backend(port: number, isLive = true): CheckedBackend {
  return { name: `10.0.0.1:${port}`, host: "10.0.0.1", port, isLive };
}

describe("the health of one balancer's backends", () => {
  test("checks exactly the backends it is given, and keeps the checks of those that stay", async () => {
    const one = rig();
    const { monitor } = monitorOf(one, checkingOf(one));
    monitor.sync([backend(1), backend(2)]);
    await one.clock.advanceSettled(500);
    monitor.sync([backend(2), backend(3)]);
    await settled();
    expect(one.checked).toEqual([1, 2, 3]);

    await one.clock.advanceSettled(500);
    expect(one.checked).toEqual([1, 2, 3, 2]);
    await one.clock.advanceSettled(500);
    expect(one.checked).toEqual([1, 2, 3, 2, 3]);
  });

  test("tells each flip once, with the result that decided", async () => {
    const one = rig();
    one.script.set(2, "x");
    const { monitor, flips } = monitorOf(one, checkingOf(one));
    monitor.sync([backend(1, false), backend(2)]);
    await one.clock.advanceSettled(5_000);
    expect(flips).toEqual([
      { backend: "10.0.0.1:1", isHealthy: true, why: "the check passed" },
      { backend: "10.0.0.1:2", isHealthy: false, why: "ECONNREFUSED" },
    ]);
  });

  test("a result that says nothing neither flips nor interrupts a streak", async () => {
    const one = rig();
    one.script.set(1, "?x?x.");
    const { monitor, flips } = monitorOf(one, checkingOf(one));
    monitor.sync([backend(1)]);
    await one.clock.advanceSettled(2_000);
    expect(flips).toEqual([]);
    await one.clock.advanceSettled(1_000);
    expect(flips).toMatchObject([{ isHealthy: false }]);
  });

  test("without a way of checking nobody is checked, and nothing is left running", async () => {
    const one = rig();
    const { monitor } = monitorOf(one, checkingOf(one));
    monitor.sync([backend(1)]);
    await settled();
    monitor.configure(undefined, [backend(1), backend(2)]);
    one.checked.length = 0;
    await one.clock.advanceSettled(10_000);
    expect([one.checked, one.clock.timers, one.checks.count]).toEqual([[], 0, 0]);
  });
});

describe("another definition", () => {
  test("another way of checking starts at once, from what is believed by then", async () => {
    const one = rig();
    one.script.set(1, "x");
    const { monitor, flips } = monitorOf(one, checkingOf(one));
    monitor.sync([backend(1)]);
    await one.clock.advanceSettled(1_000);
    expect(flips).toHaveLength(1);

    one.checked.length = 0;
    monitor.configure(checkingOf(one, { id: "other", intervalMs: 100 }), [backend(1, false)]);
    await one.clock.advanceSettled(300);
    expect(one.checked).toEqual([1, 1, 1, 1]);
    expect(flips).toHaveLength(1);
    expect(one.checks.count).toBe(1);
  });

  test("the same check with other thresholds goes on with its streak, and is not begun anew", async () => {
    const one = rig();
    one.script.set(1, "xxx");
    const thresholds = { fails: 10, passes: 1 };
    const { monitor, flips } = monitorOf(one, checkingOf(one, { thresholds }));
    monitor.sync([backend(1)]);
    await one.clock.advanceSettled(1_500);
    expect(one.checked).toHaveLength(2);

    monitor.configure(checkingOf(one, { thresholds: { fails: 3, passes: 1 } }), [backend(1)]);
    await settled();
    expect([one.checked.length, flips.length]).toEqual([2, 0]);
    await one.clock.advanceSettled(500);
    expect([one.checked.length, flips.length]).toEqual([3, 1]);
  });
});

describe("X-HC-28 waiting for the first result", () => {
  test("the first result decides alone, either way; from the second on the thresholds do", async () => {
    const one = rig();
    one.script.set(1, ".x.").set(2, "x..");
    const thresholds = { fails: 2, passes: 2 };
    const { monitor, flips } = monitorOf(one, checkingOf(one, { thresholds, firstDecides: true }));
    monitor.sync([backend(1, false), backend(2, false)]);
    await settled();
    expect(flips).toMatchObject([{ backend: "10.0.0.1:1", isHealthy: true }]);
    await one.clock.advanceSettled(1_000);
    expect(flips).toHaveLength(1);
    await one.clock.advanceSettled(1_000);
    expect(flips.slice(1)).toMatchObject([{ backend: "10.0.0.1:2", isHealthy: true }]);
  });

  test("tells when every backend has had a result, and again after new ones", async () => {
    const one = rig();
    one.script.set(1, "?");
    const { monitor, timesKnown } = monitorOf(one, checkingOf(one));
    monitor.sync([backend(1), backend(2)]);
    expect(monitor.areAllKnown).toBe(false);
    await settled();
    expect([monitor.areAllKnown, timesKnown()]).toEqual([true, 1]);
    monitor.sync([backend(1), backend(2), backend(3)]);
    expect(monitor.areAllKnown).toBe(false);
    await settled();
    expect([monitor.areAllKnown, timesKnown()]).toEqual([true, 2]);
  });
});

describe("X-HC-29 shared checks", () => {
  test("a target that many balancers check in the same way is checked once, by each with its own thresholds", async () => {
    const one = rig();
    one.script.set(1, "x");
    const all = [1, 2, 3].map((fails) =>
      monitorOf(one, checkingOf(one, { thresholds: { fails, passes: 1 } })),
    );
    for (const { monitor } of all) monitor.sync([backend(1)]);
    await settled();
    expect(one.checked).toEqual([1]);
    expect(all.map(({ flips }) => flips.length)).toEqual([1, 0, 0]);
    await one.clock.advanceSettled(2_000);
    expect(one.checked).toEqual([1, 1, 1]);
    expect(all.map(({ flips }) => flips.length)).toEqual([1, 1, 1]);
  });

  test("who comes later hears the last result at once, and the last who leaves ends the check", async () => {
    const one = rig();
    one.script.set(1, "x");
    const thresholds = { fails: 1, passes: 1 };
    const first = monitorOf(one, checkingOf(one, { thresholds }));
    first.monitor.sync([backend(1)]);
    await one.clock.advanceSettled(500);

    const late = monitorOf(one, checkingOf(one, { thresholds }));
    late.monitor.sync([backend(1)]);
    await settled();
    expect([late.flips.length, one.checked.length, one.checks.count]).toEqual([1, 1, 1]);

    first.monitor.stop();
    await one.clock.advanceSettled(500);
    expect([one.checked.length, one.checks.count]).toEqual([2, 1]);
    late.monitor.stop();
    await one.clock.advanceSettled(5_000);
    expect([one.checked.length, one.checks.count, one.clock.timers]).toEqual([2, 0, 0]);
  });

  test("another way of checking, or another target, is another check", async () => {
    const one = rig();
    const checkings = [
      checkingOf(one),
      checkingOf(one, { id: "other" }),
      checkingOf(one, { targetOf: ({ host }) => ({ host, port: 9 }) }),
    ];
    for (const checking of checkings) monitorOf(one, checking).monitor.sync([backend(1)]);
    await settled();
    expect(one.checked.toSorted((a, b) => a - b)).toEqual([1, 1, 9]);
    expect(one.checks.count).toBe(3);
  });
});

test("X-HC-30 the last results are kept with reason, duration and time, newest first, so many", async () => {
  const one = rig();
  one.script.set(1, "x?.");
  const { monitor } = monitorOf(one, checkingOf(one));
  monitor.sync([backend(1)]);
  const startedMs = one.clock.nowMs();
  await one.clock.advanceSettled(2_000);
  expect(monitor.results("10.0.0.1:1")).toEqual([
    { verdict: "passed", tookMs: 0, atMs: startedMs + 2_000 },
    { verdict: "none", tookMs: 0, detail: "unexpected-output", atMs: startedMs + 1_000 },
    { verdict: "failed", tookMs: 0, detail: "ECONNREFUSED", atMs: startedMs },
  ]);
  await one.clock.advanceSettled(20_000);
  expect(monitor.results("10.0.0.1:1")).toHaveLength(10);
  expect(monitor.results("10.0.0.1:2")).toEqual([]);
});
