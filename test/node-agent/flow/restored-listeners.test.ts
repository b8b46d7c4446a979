import { expect, test } from "vitest";

import { listenRetryMs } from "#shared/base/limits.ts";

import type { ListenerId } from "../../../node-agent/engine/engine.ts";
import { RestoredListeners } from "../../../node-agent/flow/restored-listeners.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("what failed is tried again every second, and nothing else", async () => {
  const { clock, restored, asked, taken } = restoring();
  taken.add(2);
  await restored.restore(0);

  await clock.advanceSettled(listenRetryMs);
  taken.clear();
  await clock.advanceSettled(listenRetryMs);
  await clock.advanceSettled(10 * listenRetryMs);

  expect(asked).toEqual(["0: all", "0: 2", "0: 2"]);
});

test("a failure that lasts is told once, and its end when all workers listen", async () => {
  const { clock, restored, told, taken } = restoring();
  taken.add(2);
  await Promise.all([restored.restore(0), restored.restore(1)]);
  await clock.advanceSettled(3 * listenRetryMs);
  expect(told).toEqual(["listener.lost", "listener.lost"]);

  taken.clear();
  await restored.restore(0);
  expect(told).toHaveLength(2);
  await clock.advanceSettled(listenRetryMs);

  expect(told).toEqual(["listener.lost", "listener.lost", "listener.recovered"]);
});

test("a worker that listens at once is worth no word", async () => {
  const { restored, told } = restoring();
  await restored.restore(0);
  expect(told).toEqual([]);
});

test("a worker that is replaced again begins anew", async () => {
  const { clock, restored, asked, taken } = restoring();
  taken.add(2);
  await Promise.all([restored.restore(0), restored.restore(0)]);
  await clock.advanceSettled(listenRetryMs);
  expect(asked).toEqual(["0: all", "0: all", "0: 2"]);
});

test("nothing is tried after the end", async () => {
  const { clock, restored, asked, told, taken } = restoring();
  taken.add(2);
  const last = restored.restore(1);
  restored.stop();
  await last;
  await clock.advanceSettled(10 * listenRetryMs);
  expect([asked, told]).toEqual([["1: all"], []]);
});

/** Of the listeners 1 and 2 those that are taken cannot be opened. */
function restoring() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const told: string[] = [];
  const taken = new Set<ListenerId>();
  const restored = new RestoredListeners({
    clock,
    balancer: "bal_web",
    tell: ({ kind }) => told.push(kind),
    listen: (worker, listeners) => {
      asked.push(`${worker}: ${listeners?.join() ?? "all"}`);
      const failed = (listeners ?? [1, 2]).filter((listener) => taken.has(listener));
      const problem = { pointer: "/bind", code: "EADDRINUSE", detail: "taken" };
      return Promise.resolve(failed.map((listener) => ({ listener, problem })));
    },
  });
  return { clock, restored, asked, told, taken };
}
