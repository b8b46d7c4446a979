import { expect, test } from "vitest";

import { checkResultsKept, healthBackendsMax } from "#shared/base/limits.ts";
import { healthResultSchema } from "#shared/wire/health.ts";

import { balancerHealth } from "../../../node-agent/flow/balancer-health.ts";
import type { BackendStatus } from "../../../node-agent/flow/balancer-status.ts";
import { zeroTotals } from "../../../node-agent/pool/totals.ts";

function backend(name: string, over: Partial<BackendStatus> = {}): BackendStatus {
  return {
    ...{ name, isLive: true, isEjected: false, isDiscovered: true, state: "enabled" },
    ...{ weight: 1, priority: 1, maxConnections: 0, activeConnections: 0, totals: zeroTotals },
    rates: { rxPerSecond: 0, txPerSecond: 0 },
    checks: [],
    ...over,
  };
}

const unserved = {
  turnedAway: { "limit-reached": 3 },
  sessionsEvicted: 1,
  datagramsDropped: { "held-full": 2 },
};

const failures = Array.from({ length: checkResultsKept }, (_, index) => ({
  verdict: "failed" as const,
  tookMs: 1.4,
  detail: "x".repeat(1_000),
  atMs: 100 - index,
}));

test("X-HC-30 of all backends the last result each, of one all that are kept; what is wrong comes first", () => {
  const backends = [backend("a:1"), backend("b:1", { isLive: false, checks: failures })];
  const all = balancerHealth({ backends, sources: [], unserved }, null);
  expect(all.backends).toMatchObject([
    { backend: "b:1", live: false, checks: [{ atMs: 100, tookMs: 1 }] },
    { backend: "a:1", live: true, checks: [] },
  ]);
  expect(all.unserved).toEqual(unserved);
  const one = balancerHealth({ backends, sources: [], unserved }, "b:1");
  expect(one.backends).toMatchObject([{ backend: "b:1" }]);
  expect(one.backends[0]?.checks).toHaveLength(checkResultsKept);
});

test("an answer is bounded, whatever there is, and says how much it leaves out", () => {
  const many = Array.from({ length: 1_000 }, (_, index) =>
    backend(`10.0.0.1:${index + 1}`, { checks: failures }),
  );
  const sick = backend("z:1", { isLive: false });
  const health = balancerHealth({ backends: [...many, sick], sources: [], unserved }, null);
  expect(health.backends).toHaveLength(healthBackendsMax);
  expect(health.backends[0]?.backend).toBe("z:1");
  expect(health.unlisted).toBe(1_001 - healthBackendsMax);
  expect(healthResultSchema.parse(health)).toEqual(health);
});
