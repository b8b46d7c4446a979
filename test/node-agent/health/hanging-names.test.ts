import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { healthcheckSchema } from "#shared/definition/healthcheck/healthcheck.ts";

import { createChecking } from "../../../node-agent/health/create-checking.ts";
import { HealthMonitor, type HealthFlip } from "../../../node-agent/health/health-monitor.ts";
import { NodeChecks } from "../../../node-agent/health/node-checks.ts";
import { NameLookup } from "../../../node-agent/runtime/name-lookup.ts";
import { eventually } from "../../support/eventually.ts";
import { silent, startBackend } from "../../support/fake-backend.ts";
import { startNameServer } from "../../support/name-server.ts";
import { testProbes } from "../../support/test-probes.ts";

test("X-OPS-07 names whose servers hang take nobody else's backends down", async () => {
  const backend = await startBackend(silent);
  const { address } = await startNameServer((name, type) => {
    if (name.startsWith("hang")) return "silence";
    return type === "A" ? ["127.0.0.1"] : [];
  });
  const clock = systemClock();
  const lookup = new NameLookup({ clock, nameServers: [address] }).forSockets;
  const probes = testProbes({ lookup });
  const checks = new NodeChecks({ clock, random: Math.random });
  const ping = { kind: "ping", interval: "50ms", timeout: "3s", fails: 1 } as const;
  const watch = (hosts: readonly string[]): HealthFlip[] => {
    const flips: HealthFlip[] = [];
    const checking = createChecking(probes, healthcheckSchema.parse(ping));
    const monitor = new HealthMonitor({ checks, onFlip: (flip) => flips.push(flip) }, checking);
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
