import { expect, test } from "vitest";

import { linksPerTurnMax } from "#shared/base/limits.ts";

import { batched } from "../../../control/node-link/batched.ts";
import { FanOut } from "../../../control/node-link/fan-out.ts";
import { reconnectSpread } from "../../../control/node-link/reconnect-spread.ts";
import { settled } from "../../support/fake-clock.ts";

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

test("many links are visited a few in a turn, and groups take turns", async () => {
  const fanOut = new FanOut<number>();
  const seen: string[] = [];
  fanOut.start("big", numbers(3 * linksPerTurnMax), () => seen.push("big"));
  fanOut.start("small", numbers(3), () => seen.push("small"));
  expect(seen, "nothing at once").toEqual([]);
  await settled();
  expect(seen.length).toBe(linksPerTurnMax);
  for (let turn = 0; turn < 10; turn += 1) await settled();
  expect(seen.length).toBe(3 * linksPerTurnMax + 3);
  expect(seen.indexOf("small"), "the small one does not wait").toBe(linksPerTurnMax);
});

test("a new round of the same group replaces the one that is under way", async () => {
  const fanOut = new FanOut<number>();
  const seen: string[] = [];
  fanOut.start("group", numbers(3 * linksPerTurnMax), () => seen.push("old"));
  await settled();
  fanOut.start("group", numbers(linksPerTurnMax), () => seen.push("new"));
  for (let turn = 0; turn < 10; turn += 1) await settled();
  expect(seen.filter((name) => name === "old")).toHaveLength(linksPerTurnMax);
  expect(seen.filter((name) => name === "new")).toHaveLength(linksPerTurnMax);
});

test("calls that come while a run is under way share the next one", async () => {
  const runs: (readonly number[])[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const double = batched(
    async (inputs: readonly number[]) => {
      runs.push(inputs);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      return inputs.map((input) => 2 * input);
    },
    { sizeMax: 3 },
  );
  const answers = Promise.all(numbers(6).map((n) => double(n)));
  for (let turn = 0; turn < 3; turn += 1) {
    await settled();
    gates.at(turn)?.resolve();
  }
  expect(await answers).toEqual([0, 2, 4, 6, 8, 10]);
  expect(runs).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
});

test("a run that fails fails its callers, and no other", async () => {
  const flaky = batched(
    (inputs: readonly number[]) =>
      inputs.includes(1) ? Promise.reject(new Error("away")) : Promise.resolve(inputs),
    { sizeMax: 1 },
  );
  const [zero, one, two] = await Promise.allSettled([flaky(0), flaky(1), flaky(2)]);
  expect([zero.status, one.status, two.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("the spread of reconnects grows with the number of nodes, within bounds", () => {
  expect(reconnectSpread(1)).toEqual({ minMs: 0, maxMs: 1_000 });
  expect(reconnectSpread(5_000)).toEqual({ minMs: 0, maxMs: 25_000 });
  expect(reconnectSpread(1_000_000)).toEqual({ minMs: 0, maxMs: 60_000 });
});
