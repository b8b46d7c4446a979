import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { CheckGate } from "../../../node-agent/health/gated-probe.ts";
import { HealthMonitor, type HealthFlip } from "../../../node-agent/health/health-monitor.ts";
import { pingProbe } from "../../../node-agent/health/ping.ts";
import { NameLookup } from "../../../node-agent/runtime/name-lookup.ts";
import { eventually } from "../../support/eventually.ts";
import { silent, startBackend } from "../../support/fake-backend.ts";
import { startNameServer } from "../../support/name-server.ts";

test("X-OPS-07 names whose servers hang take nobody else's backends down", async () => {
  const backend = await startBackend(silent);
  const { address } = await startNameServer((name, type) => {
    if (name.startsWith("hang")) return "silence";
    return type === "A" ? ["127.0.0.1"] : [];
  });
  const clock = systemClock();
  const lookup = new NameLookup({ clock, nameServers: [address] }).forSockets;
  const gate = new CheckGate(1_000);
  const watch = (hosts: readonly string[]): HealthFlip[] => {
    const flips: HealthFlip[] = [];
    const monitor = new HealthMonitor(
      { clock, random: Math.random, gate, onFlip: (flip) => flips.push(flip) },
      {
        probe: pingProbe({ clock, lookup, timeoutMs: 1_000 }),
        intervalMs: 50,
        thresholds: { fails: 1, passes: 1 },
      },
    );
    onTestFinished(() => monitor.stop());
    monitor.sync(hosts.map((host) => ({ name: host, host, port: backend.port, isLive: true })));
    return flips;
  };
  const hanging = watch(Array.from({ length: 100 }, (_, index) => `hang-${index}.example`));
  const sound = watch(["db.example", "localhost", "127.0.0.1"]);

  await eventually(() => hanging.length === 100);
  expect(new Set(hanging.map(({ why }) => why))).toEqual(new Set(["timeout"]));
  await eventually(() => backend.accepted > 40);
  expect(sound).toEqual([]);
});
