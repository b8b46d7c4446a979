import fc from "fast-check";
import { expect, test } from "vitest";

import { slotKey } from "../../../node-agent/pool/pool-view.ts";
import { createStickyMemory, StickyTable } from "../../../node-agent/pool/sticky-table.ts";
import { clientAt } from "../../support/electing.ts";
import { seededRandom } from "../../support/seeded-random.ts";

function rig(entriesMax: number, expiryMs = 10_000) {
  const time = { nowMs: 5_000 };
  const memory = createStickyMemory(entriesMax, seededRandom());
  const open = () => new StickyTable({ memory, expiryMs, nowMs: () => time.nowMs });
  return { time, memory, table: open(), other: open() };
}

const backend = (index: number) => ({ index, generation: 1 });
const address = (index: number) => clientAt(index).address;

test("X-BAL-26 a client's backend is remembered for all workers, until it was away for the expiry", () => {
  const { time, table, other } = rig(100);
  expect(table.find(address(1))).toBeUndefined();
  table.remember(address(1), backend(7));
  expect(other.find(address(1))).toBe(slotKey(backend(7)));

  time.nowMs += 9_999;
  expect(other.find(address(1))).toBe(slotKey(backend(7)));
  other.remember(address(1), backend(7));
  time.nowMs += 9_999;
  expect(table.find(address(1))).toBe(slotKey(backend(7)));
  time.nowMs += 1;
  expect(table.find(address(1))).toBeUndefined();
});

test("X-BAL-26 no more clients than the bound are remembered, and those that came last among them", () => {
  for (const entriesMax of [1, 5, 8, 64, 1_000]) {
    const { time, memory, table } = rig(entriesMax);
    expect(memory.sets * memory.ways).toBeLessThanOrEqual(entriesMax);
    for (let index = 0; index < 3_000; index += 1) {
      time.nowMs += 1;
      table.remember(address(index), backend(index % 50));
      expect(table.find(address(index))).toBe(slotKey(backend(index % 50)));
    }
    const known = Array.from({ length: 3_000 }, (_, index) => table.find(address(index)));
    expect(known.filter((key) => key !== undefined).length).toBeLessThanOrEqual(entriesMax);
  }
});

test("what is found is what was remembered last, over any series of clients", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 65_535 }), fc.nat({ max: 3 }))),
      (steps) => {
        const { table, other } = rig(2_000);
        const model = new Map<number, number>();
        for (const [client, slot, generation] of steps) {
          const hand = slot % 2 === 0 ? table : other;
          hand.remember(address(client), { index: slot, generation });
          model.set(client, slotKey({ index: slot, generation }));
          for (const [known, key] of model) expect(other.find(address(known))).toBe(key);
        }
      },
    ),
  );
});

test("the clock's 32 bits run over without a client being lost", () => {
  const { time, table } = rig(100);
  time.nowMs = 2 ** 32 - 100;
  table.remember(address(1), backend(3));
  time.nowMs += 5_000;
  expect(table.find(address(1))).toBe(slotKey(backend(3)));
  time.nowMs += 5_000;
  expect(table.find(address(1))).toBeUndefined();
});

test("a worker that read the time a moment earlier finds what another one has just written", () => {
  const { time, table, other } = rig(100);
  table.remember(address(1), backend(3));
  time.nowMs -= 2;
  expect(other.find(address(1))).toBe(slotKey(backend(3)));
});

test("clients without an address are not remembered", () => {
  const { table } = rig(100);
  table.remember(new Uint8Array(0), backend(1));
  expect(table.find(new Uint8Array(0))).toBeUndefined();
});
