import { expect, test } from "vitest";

import { createMetrics } from "../../../node-agent/admin/metrics.ts";
import type { AgentStatus, BackendView, CheckView } from "../../../node-agent/admin/status.ts";
import { statusOf } from "./statuses.ts";

const passed: CheckView = { atMs: 1, verdict: "passed", tookMs: 12, detail: "" };
const failed: CheckView = { atMs: 2, verdict: "failed", tookMs: 1_000, detail: "timeout" };
const none: CheckView = { atMs: 3, verdict: "none", tookMs: 5, detail: "EMFILE" };

function withBackend(backend: Partial<BackendView>): AgentStatus {
  const status = statusOf();
  const balancers = status.balancers.map((balancer) => ({
    ...balancer,
    backends: balancer.backends.map((one) => ({ ...one, ...backend })),
  }));
  return { ...status, balancers };
}

test("metrics tell of every backend whether its last check passed, how long it took, and ejection", async () => {
  let status = statusOf();
  const metrics = createMetrics({ status: () => status, totals: () => [] });
  const labels = '{balancer="bal_a",name="web",backend="10.0.0.1:80"}';
  const shown = async (next: AgentStatus): Promise<readonly string[]> => {
    status = next;
    const lines = (await metrics.render()).split("\n").filter((line) => line.includes(labels));
    return lines.map((line) => line.replace("midstream_agent_backend_", "").replace(labels, ""));
  };
  const passing = ["ejected 0", "enabled 1", "check_passed 1", "check_duration_seconds 0.012"];
  expect(await shown(withBackend({ checks: [passed, failed] }))).toEqual(passing);
  // What says nothing about the backend is no change.
  expect(await shown(withBackend({ checks: [none, passed] }))).toEqual(passing);
  const failing = ["ejected 1", "enabled 1", "check_passed 0", "check_duration_seconds 1"];
  expect(await shown(withBackend({ ejected: true, checks: [failed, passed] }))).toEqual(failing);
  expect(await shown(withBackend({ checks: [] }))).toEqual(["ejected 0", "enabled 1"]);
  expect(await shown(withBackend({ state: "draining", checks: [] }))).toContain("enabled 0");
  expect(await shown({ ...statusOf(), balancers: [] })).toEqual([]);
});
