import { expect, test } from "vitest";

import { backendsPerBalancerMax, departedRowMs } from "#shared/base/limits.ts";

import { BackendTable } from "../../../node-agent/pool/backend-table.ts";
import { createCounterMemory, totalColumn } from "../../../node-agent/pool/counter-memory.ts";
import type { Candidate } from "../../../node-agent/pool/pool-view.ts";
import { SlotLedger } from "../../../node-agent/pool/slot-ledger.ts";
import { WorkerCounters } from "../../../node-agent/pool/worker-counters.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { backendOf } from "../../support/pool.ts";

function rig(slots = 2_000) {
  const clock = new FakeClock();
  const memory = createCounterMemory({ workers: 1, slots });
  const ledger = new SlotLedger(memory);
  const table = new BackendTable({ ledger, clock });
  return { clock, ledger, table, counters: new WorkerCounters(memory, 0) };
}

function names(table: BackendTable): readonly string[] {
  return table.view().candidates.map((candidate) => candidate.name);
}

/** What a balancer shows: those that have left, and those that are there. */
function rxBytes({ table, ledger }: Pick<ReturnType<typeof rig>, "table" | "ledger">): number {
  const present = table.entries().map((entry) => ledger.totals(entry.slot).rxBytes);
  return present.reduce((sum, bytes) => sum + bytes, table.departedTotals().rxBytes);
}

function candidate(table: BackendTable, name: string): Candidate {
  const found = table.view().candidates.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is no candidate`);
  return found;
}

test("F-BAL-01 candidates are the backends that are live and discovered", () => {
  const { table } = rig();
  table.deliver([backendOf("a:1"), backendOf("b:1"), backendOf("c:1")], true);
  table.setLive("b:1", false);
  expect(names(table)).toEqual(["a:1", "c:1"]);

  table.deliver([backendOf("b:1"), backendOf("c:1")], true);
  expect(names(table)).toEqual(["c:1"]);
  table.setLive("b:1", true);
  expect(names(table)).toEqual(["b:1", "c:1"]);
});

test("F-DSC-07 a known target keeps counters and liveness and takes the new attributes", () => {
  const { table, counters, ledger } = rig();
  table.deliver([backendOf("a:1"), backendOf("b:1")], true);
  const { slot } = candidate(table, "a:1");
  counters.acquire(slot, 0);
  counters.count(slot, totalColumn.rxBytes, 1_000);
  table.setLive("b:1", false);

  const given = { weight: 7, priority: 3, maxConnections: 9, sni: "www" };
  table.deliver([backendOf("a:1", given), backendOf("b:1", given)], true);

  expect(candidate(table, "a:1")).toMatchObject({ weight: 7, priority: 3, maxConnections: 9 });
  expect(candidate(table, "a:1").slot).toEqual(slot);
  expect(ledger.totals(candidate(table, "a:1").slot).rxBytes).toBe(1_000);
  expect(ledger.inUse(slot)).toBe(1);
  const [a, b] = table.entries();
  expect([a?.backend, b?.backend]).toMatchObject([given, given]);
  expect([a?.isLive, b?.isLive]).toEqual([true, false]);
});

test("new backends count as live or not, as the health check says; known ones stay as they are", () => {
  const { table } = rig();
  table.deliver([backendOf("a:1")], true);
  table.deliver([backendOf("a:1"), backendOf("b:1")], false);
  expect(names(table)).toEqual(["a:1"]);
});

test("a vanished backend without connections leaves at once, a busy one once it is idle", () => {
  const { table, counters } = rig();
  table.deliver([backendOf("idle:1"), backendOf("busy:1")], true);
  const { slot } = candidate(table, "busy:1");
  counters.acquire(slot, 0);

  expect(table.deliver([], true)).toEqual({ added: [], removed: ["idle:1"], leftOut: 0 });
  expect(names(table)).toEqual([]);
  expect(table.entries()).toMatchObject([{ name: "busy:1", isDiscovered: false, isLive: true }]);
  expect(table.sweep().dropped).toEqual([]);

  counters.release(slot);
  expect(table.sweep().dropped).toEqual(["busy:1"]);
  expect(table.entries()).toEqual([]);
});

test("F-DSC-08 vanished while busy and back before idle: the same entry goes on", () => {
  const { table, counters, ledger } = rig();
  table.deliver([backendOf("a:1")], true);
  const first = candidate(table, "a:1").slot;
  counters.acquire(first, 0);
  counters.count(first, totalColumn.txBytes, 5);

  table.deliver([], true);
  table.deliver([backendOf("a:1", { weight: 2 })], false);

  const { slot, weight } = candidate(table, "a:1");
  expect([slot.index, weight]).toEqual([first.index, 2]);
  expect([ledger.inUse(slot), ledger.totals(slot).txBytes]).toEqual([1, 5]);
  expect(counters.acquire(slot, 0)).toBe("acquired");
});

test("F-DSC-09 a target listed twice exists once, with its last attributes", () => {
  const { table } = rig();
  table.deliver([backendOf("a:1", { weight: 1 }), backendOf("a:1", { weight: 5 })], true);
  expect(table.entries()).toHaveLength(1);
  expect(candidate(table, "a:1").weight).toBe(5);
});

test("F-STAT-07 a backend that left and comes back starts with fresh counters", () => {
  const { table, counters, ledger } = rig();
  table.deliver([backendOf("a:1")], true);
  const { slot } = candidate(table, "a:1");
  counters.acquire(slot, 0);
  counters.count(slot, totalColumn.connections, 3);
  counters.release(slot);
  table.deliver([], true);

  table.deliver([backendOf("a:1")], true);

  expect(ledger.totals(candidate(table, "a:1").slot).connections).toBe(0);
});

test("the sum over all backends never goes down when one leaves, and its last row is told a while", () => {
  const { table, counters, clock, ledger } = rig();
  table.deliver([backendOf("a:1"), backendOf("b:1")], true);
  for (const [name, bytes] of [
    ["a:1", 100],
    ["b:1", 23],
  ] as const) {
    const { slot } = candidate(table, name);
    counters.acquire(slot, 0);
    counters.count(slot, totalColumn.rxBytes, bytes);
    counters.release(slot);
  }
  expect(rxBytes({ table, ledger })).toBe(123);

  table.deliver([backendOf("b:1")], true);

  expect(rxBytes({ table, ledger })).toBe(123);
  expect(table.departed()).toMatchObject([{ name: "a:1", totals: { rxBytes: 100 } }]);
  clock.advance(departedRowMs);
  table.sweep();
  expect([table.departed(), rxBytes({ table, ledger })]).toEqual([[], 123]);
});

test("the view is the same object until something changes, and its version only grows", () => {
  const { table } = rig();
  table.deliver([backendOf("a:1")], true);
  const first = table.view();
  expect(table.view()).toBe(first);
  expect(table.setLive("a:1", true)).toBe(false);
  expect(table.view()).toBe(first);
  table.setLive("a:1", false);
  expect(table.view().version).toBeGreaterThan(first.version);
});

test("more backends than a balancer may have, or than slots are left, are left out and counted", () => {
  const many = Array.from({ length: backendsPerBalancerMax + 5 }, (_, index) =>
    backendOf(`h${index}:1`),
  );
  expect(rig().table.deliver(many, true).leftOut).toBe(5);

  const small = rig(3);
  expect(small.table.deliver(many.slice(0, 10), true)).toMatchObject({ leftOut: 7 });
  expect(small.table.entries()).toHaveLength(3);
});

test("IPv6 backends are named with brackets, and the order of names is that of host:port texts", () => {
  const { table } = rig();
  const six = { host: "::1", port: 80, weight: 1, priority: 1, maxConnections: 0, sni: "" };
  table.deliver([backendOf("b:80"), backendOf("a:9"), backendOf("a:10"), six], true);
  expect(names(table)).toEqual(["[::1]:80", "a:10", "a:9", "b:80"]);
  expect(table.view().candidates.map((one) => one.place)).toEqual([0, 1, 2, 3]);
});

test("X-BAL-29 a backend is new since it came back or came later, and old when it was there first", () => {
  const { clock, table } = rig();
  const since = (name: string): number => candidate(table, name).liveSinceMs;
  table.deliver([], true);
  table.deliver([backendOf("a:1"), backendOf("b:1")], true);
  expect([since("a:1"), since("b:1")]).toEqual([-Infinity, -Infinity]);

  clock.advance(5_000);
  table.deliver([backendOf("a:1", { weight: 3 }), backendOf("b:1"), backendOf("c:1")], true);
  expect([since("a:1"), since("c:1")]).toEqual([-Infinity, 5_000]);

  table.setLive("a:1", false);
  clock.advance(1_000);
  table.setLive("a:1", true);
  table.setLive("a:1", true);
  expect([since("a:1"), since("b:1"), since("c:1")]).toEqual([6_000, -Infinity, 5_000]);

  table.deliver([backendOf("a:1")], true);
  clock.advance(1_000);
  table.deliver([backendOf("a:1"), backendOf("b:1")], true);
  expect([since("a:1"), since("b:1")]).toEqual([6_000, 7_000]);
});
