import { Registry } from "prom-client";
import { expect, test } from "vitest";

import { checkMetrics } from "../../../node-agent/admin/check-metrics.ts";
import type { BackendView, BalancerView, CheckView } from "../../../node-agent/admin/status.ts";
import { statusOf } from "./statuses.ts";

const passed: CheckView = { atMs: 1, verdict: "passed", tookMs: 12, detail: "" };
const failed: CheckView = { atMs: 2, verdict: "failed", tookMs: 1_000, detail: "timeout" };
const none: CheckView = { atMs: 3, verdict: "none", tookMs: 5, detail: "EMFILE" };

function withBackend(backend: Partial<BackendView>): readonly BalancerView[] {
  return statusOf().balancers.map((balancer) => ({
    ...balancer,
    backends: balancer.backends.map((one) => ({ ...one, ...backend })),
  }));
}

test("metrics tell of every backend whether its last check passed, how long it took, and ejection", async () => {
  const registry = new Registry();
  const metrics = checkMetrics(registry);
  const labels = '{balancer="bal_a",name="web",backend="10.0.0.1:80"}';
  const shown = async (backend: Partial<BackendView>): Promise<readonly string[]> => {
    metrics.set(withBackend(backend));
    const lines = (await registry.metrics()).split("\n").filter((line) => line.includes(labels));
    return lines.map((line) => line.replace("midstream_agent_backend_", "").replace(labels, ""));
  };
  const passing = ["ejected 0", "check_passed 1", "check_duration_seconds 0.012"];
  expect(await shown({ checks: [passed, failed] })).toEqual(passing);
  // What says nothing about the backend is no change.
  expect(await shown({ checks: [none, passed] })).toEqual(passing);
  const failing = ["ejected 1", "check_passed 0", "check_duration_seconds 1"];
  expect(await shown({ ejected: true, checks: [failed, passed] })).toEqual(failing);
  expect(await shown({ checks: [] })).toEqual(["ejected 0"]);
  metrics.set([]);
  expect(await registry.metrics()).not.toContain("10.0.0.1:80");
});
