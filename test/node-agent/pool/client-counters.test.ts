import { once } from "node:events";
import { Worker } from "node:worker_threads";

import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";

import { ClientCounters, type ClientPlace } from "../../../node-agent/pool/client-counters.ts";
import { ClientLedger, createClientMemory } from "../../../node-agent/pool/client-memory.ts";
import { createCounterMemory } from "../../../node-agent/pool/counter-memory.ts";
import { SlotLedger } from "../../../node-agent/pool/slot-ledger.ts";
import { seededRandom } from "../../support/seeded-random.ts";

function rig(entries = 64) {
  const time = { nowMs: 50_000 };
  const memory = createClientMemory({ workers: 2, entries, random: seededRandom() });
  const hand = (worker: number) => new ClientCounters({ memory, worker, nowMs: () => time.nowMs });
  return { time, memory, ledger: new ClientLedger(memory), one: hand(0), other: hand(1) };
}

function client(index: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, index >>> 8, index & 255);
}

function entryOf(place: ClientPlace): number {
  if (place.kind !== "taken") throw new Error(place.kind);
  return place.entry;
}

const three = { maxConnections: 3, newPerSecond: 0 };

test("X-TCP-29 one client's connections are limited over all workers, and nobody else's", () => {
  const { one, other } = rig();
  const places = [one, other, one].map((hand) => hand.take(client(1), three));
  expect(places.map(({ kind }) => kind)).toEqual(["taken", "taken", "taken"]);
  expect([one.take(client(1), three).kind, other.take(client(1), three).kind]).toEqual([
    "too-many",
    "too-many",
  ]);
  expect(other.take(client(2), three).kind).toBe("taken");

  other.release(entryOf(places[1] ?? { kind: "too-many" }));
  expect(one.take(client(1), three).kind).toBe("taken");
  expect(one.take(client(1), three).kind).toBe("too-many");
});

test("X-TCP-29 new connections of a client a second: so many at once, then as time passes", () => {
  const { time, one, other } = rig();
  const bounds = { maxConnections: 0, newPerSecond: 5 };
  const open = (hand: ClientCounters): string => hand.take(client(1), bounds).kind;
  expect([1, 2, 3, 4, 5].map((step) => open(step % 2 === 0 ? one : other))).toEqual(
    Array.from({ length: 5 }, () => "taken"),
  );
  expect([open(one), open(other)]).toEqual(["too-fast", "too-fast"]);
  time.nowMs += 199;
  expect(open(one)).toBe("too-fast");
  time.nowMs += 1;
  expect([open(one), open(other)]).toEqual(["taken", "too-fast"]);
  time.nowMs += 60_000;
  expect(
    Array.from({ length: 6 }, () => open(one)).filter((kind) => kind === "taken"),
  ).toHaveLength(5);
  expect(one.take(client(2), bounds).kind).toBe("taken");
});

test("X-TCP-29 in no window of time does a client open more than its share and one burst", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat({ max: 150 }), { maxLength: 300 }),
      (newPerSecond, waits) => {
        const { time, one } = rig();
        const opened: number[] = [];
        for (const wait of waits) {
          time.nowMs += wait;
          const place = one.take(client(1), { maxConnections: 0, newPerSecond });
          if (place.kind !== "taken") continue;
          opened.push(time.nowMs);
          one.release(place.entry);
        }
        for (const [index, fromMs] of opened.entries()) {
          for (const [ahead, untilMs] of opened.slice(index).entries()) {
            const most = newPerSecond + ((untilMs - fromMs) * newPerSecond) / 1_000 + 0.001;
            expect(ahead + 1).toBeLessThanOrEqual(most + 1);
          }
        }
      },
    ),
  );
});

test("X-TCP-29 memory is bounded: clients without connections make room, those with keep theirs", () => {
  const { time, memory, one } = rig(64);
  const bounds = { maxConnections: 1, newPerSecond: 0 };
  const kept = entryOf(one.take(client(9_999), bounds));
  for (let index = 0; index < 5_000; index += 1) {
    time.nowMs += 1;
    const place = one.take(client(index), bounds);
    if (place.kind === "taken") one.release(place.entry);
    else expect(place.kind).toBe("uncounted");
  }
  expect(memory.cells.byteLength).toBe(64 * 32);
  expect(one.take(client(9_999), bounds).kind).toBe("too-many");
  one.release(kept);
  expect(one.take(client(9_999), bounds).kind).toBe("taken");
});

test("X-TCP-29 when all entries have connections, a further client is let in uncounted", () => {
  const { one } = rig(8);
  for (let index = 0; index < 8; index += 1) {
    expect(one.take(client(index), three).kind).toBe("taken");
  }
  expect(one.take(client(8), three).kind).toBe("uncounted");
  expect(one.take(client(0), three).kind).toBe("taken");
});

test("X-TCP-29 what a dead worker held is given back, its locks too, and what others hold stays", () => {
  const { memory, ledger, one, other } = rig(8);
  const slots = new SlotLedger(createCounterMemory({ workers: 2, slots: 1 }));
  const unsettle = slots.settleAlong(ledger);
  one.take(client(1), three);
  one.take(client(1), three);
  other.take(client(1), three);
  Atomics.store(new Int32Array(memory.locks), 0, 1);
  expect(other.take(client(1), three).kind).toBe("uncounted");

  slots.settle(0);
  expect([1, 2, 3].map(() => other.take(client(1), three).kind)).toEqual([
    "taken",
    "taken",
    "too-many",
  ]);
  unsettle();
  slots.settle(1);
  expect(other.take(client(1), three).kind).toBe("too-many");
});

test("X-TCP-29 three threads that take and give back never exceed a client's limit, and end at zero", async () => {
  const memory = createClientMemory({ workers: 3, entries: 64, random: seededRandom() });
  const source = `
    import { parentPort, workerData } from "node:worker_threads";
    const { ClientCounters } = await import(workerData.module);
    const { memory, worker } = workerData;
    const hand = new ClientCounters({ memory, worker, nowMs: () => 0 });
    const cells = new Int32Array(memory.cells);
    const clients = [1, 2, 3].map((last) => Uint8Array.of(...new Array(15).fill(0), last));
    let most = 0;
    let taken = 0;
    let uncounted = 0;
    for (let round = 0; round < 60_000; round += 1) {
      const place = hand.take(clients[round % 3], { maxConnections: 2, newPerSecond: 0 });
      if (place.kind === "uncounted") uncounted += 1;
      if (place.kind !== "taken") continue;
      taken += 1;
      most = Math.max(most, Atomics.load(cells, place.entry * 8 + 4));
      hand.release(place.entry);
    }
    parentPort.postMessage({ most, taken, uncounted });
  `;
  const module = new URL("../../../node-agent/pool/client-counters.ts", import.meta.url).href;
  const answers = await Promise.all(
    [0, 1, 2].map(async (worker) => {
      const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
        workerData: { module, memory, worker },
      });
      onTestFinished(async () => {
        await thread.terminate();
      });
      const [answer] = (await once(thread, "message")) as [
        { most: number; taken: number; uncounted: number },
      ];
      return answer;
    }),
  );
  for (const { most, taken } of answers) {
    expect(most).toBeLessThanOrEqual(2);
    expect(taken).toBeGreaterThan(0);
  }
  expect(answers.reduce((sum, { uncounted }) => sum + uncounted, 0)).toBe(0);
  const cells = new Int32Array(memory.cells);
  const open = Array.from({ length: 64 }, (_, entry) => cells[entry * 8 + 4] ?? 0);
  expect(open.every((count) => count === 0)).toBe(true);
  // Each client has one entry, whoever came first.
  expect(
    Array.from({ length: 64 }, (_, entry) => cells[entry * 8 + 7]).filter((is) => is === 1),
  ).toHaveLength(3);
});
