import { expect, test } from "vitest";

import { runSteps } from "../../../infra/tools/run-steps.ts";
import type { Step, StepOutcome } from "../../../infra/tools/run-steps.ts";

const green: StepOutcome = { ok: true, output: "" };

test("never more steps run at once than there are lanes, and all run", async () => {
  let running = 0;
  let runningMost = 0;
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<StepOutcome>());
  const steps = gates.map((gate, index) =>
    step(`step ${index}`, () => {
      running += 1;
      runningMost = Math.max(runningMost, running);
      return gate.promise.finally(() => (running -= 1));
    }),
  );
  const told: string[] = [];
  const finished = runSteps(steps, 2, (report) => told.push(report.step.name));
  for (const gate of gates) gate.resolve(green);
  const reports = await finished;
  expect(reports).toHaveLength(5);
  expect(told.toSorted()).toEqual(steps.map(({ name }) => name));
  expect(runningMost).toBe(2);
});

test("a red step, and one that crashes, do not keep the others from running", async () => {
  const reports = await runSteps(
    [
      step("red", () => Promise.resolve({ ok: false, output: "why" })),
      step("crash", () => Promise.reject(new Error("no such tool"))),
      step("green", () => Promise.resolve(green)),
    ],
    1,
    () => undefined,
  );
  expect(reports.map((report) => report.outcome.ok)).toEqual([false, false, true]);
  expect(reports[1]?.outcome.output).toContain("no such tool");
});

function step(name: string, run: Step["run"]): Step {
  return { name, remedy: "mend it", run };
}
