import { expect, test } from "vitest";

import { createUsageMeter } from "../../../node-agent/runtime/process-usage.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("the share of a core since the last look, and the memory of the moment", () => {
  const clock = new FakeClock();
  const counters = { cpu: 0, rss: 1_000 };
  const measured = createUsageMeter(clock, {
    rssBytes: () => counters.rss,
    cpuMicroseconds: () => counters.cpu,
  });
  clock.advance(10_000);
  counters.cpu = 2_500_000;
  expect(measured()).toEqual({ rssBytes: 1_000, cpuShare: 0.25 });
  clock.advance(1_000);
  counters.cpu += 2_000_000;
  counters.rss = 2_000;
  expect(measured()).toEqual({ rssBytes: 2_000, cpuShare: 2 });
});
