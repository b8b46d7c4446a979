import { join } from "node:path";

import { expect, test } from "vitest";

import { createUsageMeter } from "../../../node-agent/runtime/process-usage.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { repository } from "../../support/processes.ts";
import { outputOf } from "../../support/run-command.ts";

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

test("memory that the system does not tell at the moment is told as it was last known", () => {
  const counters: { rss: number | undefined } = { rss: undefined };
  const measured = createUsageMeter(new FakeClock(), {
    rssBytes: () => counters.rss,
    cpuMicroseconds: () => 0,
  });
  expect(measured().rssBytes).toBe(0);
  counters.rss = 1_000;
  expect(measured().rssBytes).toBe(1_000);
  counters.rss = undefined;
  expect(measured().rssBytes).toBe(1_000);
});

test("a process with no descriptor free is measured all the same", async () => {
  const file = join(repository, "node-agent/runtime/process-usage.ts");
  const script = `
    import { openSync } from "node:fs";
    import { createUsageMeter } from ${JSON.stringify(file)};
    const measured = createUsageMeter({ monotonicMs: () => performance.now() });
    const before = measured().rssBytes;
    let code;
    while (code === undefined) try { openSync("/dev/null"); } catch (error) { code = error.code; }
    const { rssBytes } = measured();
    console.log(JSON.stringify({ code, isLastKnown: rssBytes === before && before > 0 }));
  `;
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const said = await outputOf(["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh", ...node]);
  expect(JSON.parse(said)).toEqual({ code: "EMFILE", isLastKnown: true });
});
