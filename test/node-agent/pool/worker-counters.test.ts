import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { expect, onTestFinished, test } from "vitest";

import { createCounterMemory, totalColumn } from "../../../node-agent/pool/counter-memory.ts";
import type { SlotRef } from "../../../node-agent/pool/pool-view.ts";
import { SlotLedger } from "../../../node-agent/pool/slot-ledger.ts";
import { WorkerCounters } from "../../../node-agent/pool/worker-counters.ts";

function rig(workers = 2, slots = 4) {
  const memory = createCounterMemory({ workers, slots });
  const ledger = new SlotLedger(memory);
  const counters = Array.from({ length: workers }, (_, index) => new WorkerCounters(memory, index));
  return { memory, ledger, counters };
}

function allocated(ledger: SlotLedger): SlotRef {
  const slot = ledger.allocate();
  if (slot === undefined) throw new Error("no slot is free");
  return slot;
}

function counterOf(counters: readonly WorkerCounters[], index: number): WorkerCounters {
  const counter = counters[index];
  if (counter === undefined) throw new Error(`there is no worker ${index}`);
  return counter;
}

test("a limit holds over all workers, and a place given back can be taken by any of them", () => {
  const { ledger, counters } = rig();
  const [a, b] = [counterOf(counters, 0), counterOf(counters, 1)];
  const slot = allocated(ledger);

  expect([a.acquire(slot, 2), b.acquire(slot, 2), a.acquire(slot, 2)]).toEqual([
    "acquired",
    "acquired",
    "full",
  ]);
  b.release(slot);
  expect([a.acquire(slot, 2), b.acquire(slot, 2)]).toEqual(["acquired", "full"]);
  expect(ledger.inUse(slot)).toBe(2);
  expect(a.acquire(slot, 0)).toBe("acquired");
});

test("an outdated reference neither takes a place nor counts, also once the slot has a new owner", () => {
  const { ledger, counters } = rig();
  const late = counterOf(counters, 0);
  const old = allocated(ledger);
  expect(ledger.retire(old)).toEqual({ retired: true });
  const next = allocated(ledger);

  expect(next.index).toBe(old.index);
  expect(late.acquire(old, 0)).toBe("gone");
  expect([ledger.inUse(next), ledger.active(next)]).toEqual([0, 0]);
});

test("a slot that is held stays with its owner until it is released", () => {
  const { ledger, counters } = rig();
  const counter = counterOf(counters, 0);
  const slot = allocated(ledger);
  counter.acquire(slot, 0);

  const outcome = ledger.retire(slot);

  expect(outcome).toMatchObject({ retired: false, slot: { index: slot.index } });
  expect(counter.acquire(slot, 0)).toBe("gone");
  counter.count(slot, totalColumn.rxBytes, 7);
  expect(ledger.totals(slot).rxBytes).toBe(7);
  counter.release(slot);
  expect(outcome.retired ? undefined : ledger.retire(outcome.slot)).toEqual({ retired: true });
});

test("F-STAT-07 a slot that is used again starts with all counters at zero", () => {
  const { ledger, counters } = rig(1, 1);
  const counter = counterOf(counters, 0);
  const slot = allocated(ledger);
  counter.acquire(slot, 0);
  counter.activate(slot, 1);
  for (const column of Object.values(totalColumn)) {
    counter.count(slot, column, 1_000);
  }
  counter.moveCursor(slot, 0, 3);
  counter.activate(slot, -1);
  counter.release(slot);
  ledger.retire(slot);

  const next = allocated(ledger);

  expect(ledger.totals(next)).toEqual({
    connections: 0,
    refused: 0,
    rejected: 0,
    rxBytes: 0,
    txBytes: 0,
  });
  expect([counter.readCursor(next), ledger.inUse(next), ledger.active(next)]).toEqual([0, 0, 0]);
});

test("what workers count of one slot adds up, and stays when one of them dies", () => {
  const { ledger, counters } = rig();
  const slot = allocated(ledger);
  for (const worker of [0, 1]) {
    const counter = counterOf(counters, worker);
    counter.acquire(slot, 0);
    counter.activate(slot, 1);
    counter.count(slot, totalColumn.connections, 1);
    counter.count(slot, totalColumn.txBytes, 2 ** 40 + worker);
  }
  expect([ledger.active(slot), ledger.totals(slot).txBytes]).toEqual([2, 2 ** 41 + 1]);

  ledger.settle(0);

  expect([ledger.inUse(slot), ledger.active(slot)]).toEqual([1, 1]);
  expect(ledger.totals(slot)).toMatchObject({ connections: 2, txBytes: 2 ** 41 + 1 });
});

test("slots are limited, and a retired one is available again", () => {
  const { ledger } = rig(1, 2);
  const [first] = [allocated(ledger), allocated(ledger)];
  expect([ledger.available, ledger.allocate()]).toEqual([0, undefined]);
  ledger.retire(first);
  expect(ledger.available).toBe(1);
});

test("what a dead worker held is given back, and what others hold stays", () => {
  const { ledger, counters } = rig();
  const [dead, alive] = [counterOf(counters, 0), counterOf(counters, 1)];
  const slot = allocated(ledger);
  for (const counter of [dead, dead, alive]) counter.acquire(slot, 0);
  dead.activate(slot, 1);
  alive.activate(slot, 1);

  expect([...ledger.settle(0)]).toEqual([[slot.index, 2]]);
  expect([ledger.inUse(slot), ledger.active(slot)]).toEqual([1, 1]);
  expect([...ledger.settle(0)]).toEqual([]);
});

test("three threads that take and give back never exceed the limit, and end at zero", async () => {
  const memory = createCounterMemory({ workers: 3, slots: 1 });
  const ledger = new SlotLedger(memory);
  const slot = allocated(ledger);
  const source = `
    import { parentPort, workerData } from "node:worker_threads";
    const { WorkerCounters } = await import(workerData.module);
    const counters = new WorkerCounters(workerData.memory, workerData.worker);
    let most = 0;
    let acquired = 0;
    for (let round = 0; round < 100_000; round += 1) {
      if (counters.acquire(workerData.slot, 2) !== "acquired") continue;
      acquired += 1;
      most = Math.max(most, counters.inUse(workerData.slot.index));
      counters.count(workerData.slot, workerData.column, 1);
      counters.release(workerData.slot);
    }
    parentPort.postMessage({ most, acquired });
  `;
  const module = new URL("../../../node-agent/pool/worker-counters.ts", import.meta.url).href;
  const answers = await Promise.all(
    [0, 1, 2].map(async (worker) => {
      const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
        workerData: { module, memory, worker, slot, column: totalColumn.connections },
      });
      onTestFinished(async () => {
        await thread.terminate();
      });
      const [answer] = (await once(thread, "message")) as [{ most: number; acquired: number }];
      return answer;
    }),
  );

  for (const { most } of answers) expect(most).toBeLessThanOrEqual(2);
  const acquired = answers.reduce((sum, answer) => sum + answer.acquired, 0);
  expect(ledger.totals(slot).connections).toBe(acquired);
  expect(ledger.inUse(slot)).toBe(0);
});
