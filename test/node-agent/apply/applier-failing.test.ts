import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { entryOf, type SnapshotEntry } from "#shared/snapshot/snapshot.ts";

import { Applier } from "../../../node-agent/apply/applier.ts";
import type { VerifiedBalancer } from "../../../node-agent/apply/flows.ts";
import { getsInTheWay } from "../../../node-agent/apply/plan-change.ts";
import { defaultPolicy } from "../../../node-agent/apply/policy.ts";
import { CertificateStore } from "../../../node-agent/certificates/certificate-store.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { definitionOf, entryFor } from "./balancers.ts";
import { brokenCode, FakeFlows } from "./fake-flows.ts";

const longEnoughMs = 40 * 60_000;

describe("addresses that are swapped while something fails", () => {
  test("an address of somebody else is noticed before anything is taken apart: both run on, nobody is touched", async () => {
    const { applier, apply, flows, clock } = setup();
    await apply([onPorts("bal_a", 9001), onPorts("bal_b", 9002)]);
    flows.foreign.add("127.0.0.1:9005");
    const calls = flows.calls.length;

    await apply([onPorts("bal_a", 9002), onPorts("bal_b", 9001, 9005)]);
    await clock.advanceSettled(60_000);

    expect(bindsOf(flows)).toEqual({ bal_a: ["127.0.0.1:9001"], bal_b: ["127.0.0.1:9002"] });
    expect(flows.calls.slice(calls).filter((call) => call.startsWith("remove"))).toEqual([]);
    expect(failures(applier)).toMatchObject({
      bal_a: [{ code: "EADDRINUSE" }],
      bal_b: [{ pointer: "/bind/1", code: "EADDRINUSE" }],
    });

    flows.foreign.clear();
    await clock.advanceSettled(longEnoughMs);
    expect(bindsOf(flows)).toEqual({
      bal_a: ["127.0.0.1:9002"],
      bal_b: ["127.0.0.1:9001", "127.0.0.1:9005"],
    });
    expect(failures(applier)).toEqual({});
  });

  test("the other one fails all the same: whoever was removed for it runs again as it was", async () => {
    const { applier, apply, flows } = setup();
    await apply([onPorts("bal_a", 9001), onPorts("bal_b", 9002)]);
    flows.fails = (what, id) => what === "update" && id === "bal_b";

    const applied = await apply([onPorts("bal_a", 9002), onPorts("bal_b", 9001)]);

    expect(bindsOf(flows)).toEqual({ bal_a: ["127.0.0.1:9001"], bal_b: ["127.0.0.1:9002"] });
    expect(runningBinds(applier)).toEqual(bindsOf(flows));
    expect(applied).toMatchObject({
      balancers: [{ id: "bal_a", state: "serving" }],
      errors: [
        { id: "bal_b", code: brokenCode },
        { id: "bal_a", code: "EADDRINUSE" },
      ],
    });
  });

  test("the removed one cannot start as wanted: the other gives its address back, and both run as they were", async () => {
    const { applier, apply, flows } = setup();
    await apply([onPorts("bal_a", 9001), onPorts("bal_b", 9002)]);
    const once = new Set(["start bal_a"]);
    flows.fails = (what, id) => once.delete(`${what} ${id}`);

    await apply([onPorts("bal_a", 9002), onPorts("bal_b", 9001)]);

    expect(bindsOf(flows)).toEqual({ bal_a: ["127.0.0.1:9001"], bal_b: ["127.0.0.1:9002"] });
    expect(failures(applier)).toMatchObject({
      bal_a: [{ code: brokenCode }],
      bal_b: [{ code: "address-given-back" }],
    });
  });

  test("a swap that keeps failing is tried again less and less often, and in the end when it can be", async () => {
    const { applier, apply, flows, clock } = setup();
    await apply([onPorts("bal_a", 9001), onPorts("bal_b", 9002)]);
    flows.fails = (what, id) => what === "update" && id === "bal_b";
    await apply([onPorts("bal_a", 9002), onPorts("bal_b", 9001)]);

    await clock.advanceSettled(longEnoughMs);
    const removals = flows.calls.filter((call) => call.startsWith("remove")).length;
    expect(removals).toBeGreaterThan(3);
    expect(removals).toBeLessThan(12);

    flows.fails = () => false;
    await clock.advanceSettled(3 * longEnoughMs);
    expect(bindsOf(flows)).toEqual({ bal_a: ["127.0.0.1:9002"], bal_b: ["127.0.0.1:9001"] });
    expect(failures(applier)).toEqual({});
  });

  test("overtaken between the removal and the start by a form that may not run: the last good one does", async () => {
    const { applier, apply, flows } = setup();
    await apply([onPorts("bal_a", 9001), onPorts("bal_b", 9002)]);
    let second: Promise<unknown> = Promise.resolve();
    const denied = entryFor("bal_a", { bind: ["unix:/run/a.sock"] });
    flows.fails = (what, id) => {
      if (`${what} ${id}` === "update bal_b") second = apply([denied, onPorts("bal_b", 9001)]);
      return what === "update";
    };

    await apply([onPorts("bal_a", 9002), onPorts("bal_b", 9001)]);
    flows.fails = () => false;
    await second;

    expect(flows.serving.get("bal_a")?.definition.bind).toEqual(["127.0.0.1:9001"]);
    expect(failures(applier)).toMatchObject({ bal_a: [{ code: "unsupported" }, {}] });
  });
});

test("whatever is wanted and whichever steps fail: every balancer runs as wanted, or in its last good form, or its address is really taken; and in the end all run as wanted", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(ownersOf(), fc.constantFrom("weight", "roundrobin")), {
        minLength: 2,
        maxLength: 5,
      }),
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 2 }),
      async (snapshots, outcomes, foreign) => {
        const { applier, apply, flows, clock } = setup();
        const coming = [...outcomes];
        const lastGood = new Map<string, VerifiedBalancer>();
        flows.fails = () => coming.shift() ?? false;
        for (const [index, [owners, strategy]] of snapshots.entries()) {
          if (index > 0) for (const port of foreign) flows.foreign.add(addressOf(port));
          const entries = entriesOf(owners, strategy);
          const before = new Map(lastGood);
          await apply(entries);
          expectEachRunsOrSaysWhy({ applier, flows, entries, lastGood: before });
          await clock.advanceSettled(3_000);
          expectEachRunsOrSaysWhy({ applier, flows, entries, lastGood: before });
          keepLastGood(lastGood, flows, entries);
        }
        flows.fails = () => false;
        flows.foreign.clear();
        await clock.advanceSettled(longEnoughMs);
        expect(failures(applier)).toEqual({});
        const [owners, strategy] = snapshots.at(-1) ?? [[], "weight"];
        const wanted = entriesOf(owners, strategy).map(({ id, hash }) => [id, hash] as const);
        const serving = [...flows.serving.values()].map(({ id, hash }) => [id, hash] as const);
        expect(new Map(serving)).toEqual(new Map(wanted));
      },
    ),
    { numRuns: 120 },
  );
});

interface Seen {
  readonly applier: Applier;
  readonly flows: FakeFlows;
  readonly entries: readonly SnapshotEntry[];
  readonly lastGood: ReadonlyMap<string, VerifiedBalancer>;
}

function expectEachRunsOrSaysWhy({ applier, flows, entries, lastGood }: Seen): void {
  expect(runningBinds(applier)).toEqual(bindsOf(flows));
  const { failing } = applier.view();
  for (const { id, hash } of entries) {
    const form = flows.serving.get(id);
    if (form?.hash === hash) continue;
    const codes = failing.get(id)?.problems.map(({ code }) => code) ?? [];
    expect(codes.length).toBeGreaterThan(0);
    const good = lastGood.get(id);
    if (form !== undefined || good === undefined) continue;
    const others = [...flows.serving.values()];
    const isTaken =
      others.some((other) => getsInTheWay(other, good)) ||
      good.definition.bind.some((bind) => flows.foreign.has(bind));
    expect(isTaken || codes.includes(brokenCode)).toBe(true);
  }
}

function keepLastGood(
  lastGood: Map<string, VerifiedBalancer>,
  flows: FakeFlows,
  entries: readonly SnapshotEntry[],
): void {
  const wanted = new Set(entries.map(({ id }) => id));
  for (const id of lastGood.keys()) if (!wanted.has(id)) lastGood.delete(id);
  for (const form of flows.serving.values()) if (wanted.has(form.id)) lastGood.set(form.id, form);
}

/** Who has which of eight ports: no two balancers want the same one. */
function ownersOf() {
  const owner = fc.constantFrom("bal_a", "bal_b", "bal_c", "bal_d", undefined);
  return fc.array(owner, { minLength: 8, maxLength: 8 });
}

function entriesOf(
  owners: readonly (string | undefined)[],
  strategy: string,
): readonly SnapshotEntry[] {
  const ids = new Set(owners.filter((owner) => owner !== undefined));
  return [...ids].map((id) => {
    const bind = owners.flatMap((owner, port) => (owner === id ? [addressOf(port)] : []));
    return entryOf("balancer", id, definitionOf(id.replaceAll("_", "-"), { bind, strategy }));
  });
}

function addressOf(port: number): string {
  return `127.0.0.1:${9_000 + port}`;
}

function onPorts(id: string, ...ports: readonly number[]): SnapshotEntry {
  return entryFor(id, { bind: ports.map((port) => `127.0.0.1:${port}`) });
}

function bindsOf(flows: FakeFlows): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    [...flows.serving].map(([id, { definition }]) => [id, definition.bind]),
  );
}

function runningBinds(applier: Applier): Readonly<Record<string, readonly string[]>> {
  const { running } = applier.view();
  return Object.fromEntries([...running].map(([id, { definition }]) => [id, definition.bind]));
}

function failures(applier: Applier): Readonly<Record<string, readonly object[]>> {
  const { failing } = applier.view();
  return Object.fromEntries([...failing].map(([id, { problems }]) => [id, problems]));
}

function setup() {
  const flows = new FakeFlows();
  const clock = new FakeClock();
  const applier = new Applier({
    certificates: new CertificateStore(),
    flows,
    terms: { policy: defaultPolicy(), capabilities },
    clock,
    random: () => 0.5,
    log: silentLog(),
    onEvent: () => undefined,
    onChange: () => undefined,
  });
  let rev = 0;
  const apply = (entries: readonly SnapshotEntry[]) => {
    rev += 1;
    const version = { epoch: 1, rev, root: "0".repeat(64) };
    return applier.apply({ version, entries, secrets: new Map() });
  };
  return { applier, apply, flows, clock };
}

const capabilities = new Set([
  "protocol:tcp",
  "strategy:weight",
  "strategy:roundrobin",
  "discovery:static",
  "healthcheck:ping",
  "bind:address",
  "multi-bind",
]);
