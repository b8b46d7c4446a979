import { expect, test } from "vitest";

import { createMetrics } from "../../../node-agent/admin/metrics.ts";
import { statusText } from "../../../node-agent/admin/status-text.ts";
import { sourceOf, statusOf, totalsOf } from "./statuses.ts";

test("X-DSC-15 metrics tell last success, last failure, duration and counts of every source", async () => {
  const text = await createMetrics({ status: statusOf, totals: totalsOf }).render();
  const labels = 'balancer="bal_a",name="web",source="/discovery",kind="consul"';
  const lines = [
    "up{} 0",
    "watched{} 0",
    "remembered{} 0",
    "backends{} 1",
    "skipped{} 2",
    "last_success_timestamp_seconds{} 1700000000",
    "last_failure_timestamp_seconds{} 1700000010",
    "last_duration_seconds{} 2",
    "fetches_total{} 7",
    "failures_total{} 3",
  ];
  for (const line of lines) {
    expect(text).toContain(`midstream_agent_source_${line.replace("{}", `{${labels}}`)}\n`);
  }
  expect(text).toContain(`midstream_agent_source_failing{${labels},code="timeout"} 1\n`);
});

test("a source without a stream, and one that never answered, have no such series; one that is gone has none", async () => {
  const fresh = {
    ...sourceOf(),
    state: "fresh" as const,
    isWatched: null,
    lastSuccessMs: null,
    lastDurationMs: null,
  };
  const [first, ...others] = statusOf().balancers;
  if (first === undefined) throw new Error("no balancer");
  let status = statusOf({ balancers: [{ ...first, sources: [fresh] }, ...others] });
  const metrics = createMetrics({ status: () => status, totals: totalsOf });
  const text = await metrics.render();
  expect(text).not.toMatch(
    /^midstream_agent_source_(watched|failing|last_success\w+|last_duration\w+)\{/m,
  );
  expect(text).toMatch(/^midstream_agent_source_up\{/m);
  status = statusOf({ balancers: others });
  expect(await metrics.render()).not.toMatch(/^midstream_agent_source_\w+\{/m);
});

test("the status for a terminal names a source that does not answer, and why", () => {
  expect(statusText(statusOf())).toContain(
    "  consul discovery at /discovery is failing, timeout: no answer within 2000 ms\n",
  );
});

test("a source that goes by what it named before says so in metrics, and since when in the terminal", async () => {
  const [first, ...others] = statusOf().balancers;
  if (first === undefined) throw new Error("no balancer");
  const remembered = { ...sourceOf(), rememberedMs: 1_700_000_000_000 };
  const status = statusOf({ balancers: [{ ...first, sources: [remembered] }, ...others] });
  const text = await createMetrics({ status: () => status, totals: totalsOf }).render();
  expect(text).toMatch(/^midstream_agent_source_remembered\{balancer="bal_a",[^}]*\} 1$/m);
  expect(statusText(status)).toContain(
    "  consul discovery at /discovery is failing, remembered of 2023-11-14T22:13:20.000Z, timeout: ",
  );
});
