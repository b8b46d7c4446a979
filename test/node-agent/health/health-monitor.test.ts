import { expect, onTestFinished, test } from "vitest";

import { CheckGate } from "../../../node-agent/health/gated-probe.ts";
import {
  HealthMonitor,
  type CheckedBackend,
  type HealthFlip,
} from "../../../node-agent/health/health-monitor.ts";
import type { Probe } from "../../../node-agent/health/probe.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

interface Watched {
  readonly clock: FakeClock;
  readonly monitor: HealthMonitor;
  readonly flips: HealthFlip[];
  /** Ports that were checked, in order. */
  readonly checked: number[];
  readonly probe: Probe;
}

/** Backends are healthy unless their port is among `dead`. */
function watch(dead: readonly number[] = []): Watched {
  const clock = new FakeClock();
  const flips: HealthFlip[] = [];
  const checked: number[] = [];
  const probe: Probe = ({ port }) => {
    checked.push(port);
    return Promise.resolve(
      dead.includes(port)
        ? { verdict: "failed", tookMs: 0, detail: "ECONNREFUSED" }
        : { verdict: "passed", tookMs: 0 },
    );
  };
  const monitor = new HealthMonitor(
    { clock, random: () => 0.5, gate: new CheckGate(10), onFlip: (flip) => flips.push(flip) },
    { probe, intervalMs: 1_000, thresholds: { fails: 2, passes: 1 } },
  );
  onTestFinished(() => monitor.stop());
  return { clock, monitor, flips, checked, probe };
}

function backend(port: number, isLive = true): CheckedBackend {
  return { name: `10.0.0.1:${port}`, host: "10.0.0.1", port, isLive };
}

test("checks exactly the backends it is given, and keeps the loops of those that stay", async () => {
  const { clock, monitor, checked } = watch();
  monitor.sync([backend(1), backend(2)]);
  await clock.advanceSettled(500);
  monitor.sync([backend(2), backend(3)]);
  await settled();
  expect(checked).toEqual([1, 2, 3]);

  await clock.advanceSettled(500);
  expect(checked).toEqual([1, 2, 3, 2]);
  await clock.advanceSettled(500);
  expect(checked).toEqual([1, 2, 3, 2, 3]);
});

test("tells each flip once, with the result that decided", async () => {
  const { clock, monitor, flips } = watch([2]);
  monitor.sync([backend(1, false), backend(2)]);
  await clock.advanceSettled(5_000);
  expect(flips).toEqual([
    { backend: "10.0.0.1:1", isHealthy: true, why: "the check passed" },
    { backend: "10.0.0.1:2", isHealthy: false, why: "ECONNREFUSED" },
  ]);
});

test("another way of checking starts at once, from what is believed by then", async () => {
  const { clock, monitor, flips, checked, probe } = watch([1]);
  monitor.sync([backend(1)]);
  await clock.advanceSettled(1_000);
  expect(flips).toHaveLength(1);

  const checking = { probe, intervalMs: 100, thresholds: { fails: 1, passes: 1 } };
  monitor.configure(checking, [backend(1, false)]);
  checked.length = 0;
  await clock.advanceSettled(300);

  expect(checked.length).toBeGreaterThanOrEqual(3);
  expect(flips).toHaveLength(1);
});

test("without a way of checking nobody is checked, and nothing is left running", async () => {
  const { clock, monitor, checked } = watch();
  monitor.sync([backend(1)]);
  await settled();
  monitor.configure(undefined, [backend(1), backend(2)]);
  checked.length = 0;
  await clock.advanceSettled(10_000);
  expect([checked, clock.timers]).toEqual([[], 0]);
});
