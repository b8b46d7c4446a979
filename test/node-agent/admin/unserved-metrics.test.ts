import { expect, test } from "vitest";

import { createMetrics } from "../../../node-agent/admin/metrics.ts";
import type { UnservedView } from "../../../node-agent/admin/status.ts";
import { statusOf } from "./statuses.ts";

test("X-STAT-10 metrics count what was not served by reason, and forget a balancer that has left", async () => {
  const unserved: UnservedView = {
    turnedAway: { "limit-reached": 3, "handshake-failed": 2 },
    sessionsEvicted: 5,
    datagramsDropped: { "held-full": 7 },
  };
  const [first] = statusOf().balancers;
  let balancers = first === undefined ? [] : [{ ...first, unserved }];
  const metrics = createMetrics({
    status: () => ({ ...statusOf(), balancers }),
    totals: () => [],
  });
  const shown = async (): Promise<readonly string[]> => {
    const lines = (await metrics.render()).split("\n");
    return lines.filter((line) => /^midstream_agent_balancer_\w+_total\{/.test(line));
  };
  const wanted = [
    'turned_away_total{balancer="bal_a",name="web",reason="limit-reached"} 3',
    'turned_away_total{balancer="bal_a",name="web",reason="handshake-failed"} 2',
    'sessions_evicted_total{balancer="bal_a",name="web"} 5',
    'datagrams_dropped_total{balancer="bal_a",name="web",reason="held-full"} 7',
  ].map((line) => `midstream_agent_balancer_${line}`);
  expect(await shown()).toEqual(wanted);
  expect(await shown()).toEqual(wanted);
  balancers = [];
  expect(await shown()).toEqual([]);
});
