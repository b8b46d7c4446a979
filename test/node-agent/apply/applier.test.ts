import { describe, expect, test } from "vitest";

import { applyRetryFirstMs } from "#shared/base/limits.ts";
import { entryOf, type SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import type { AckFrame, ApplyError } from "#shared/wire/node-frames.ts";

import { Applier, type WantedSnapshot } from "../../../node-agent/apply/applier.ts";
import type { ApplyEvent } from "../../../node-agent/apply/apply-events.ts";
import { checkPolicy, defaultPolicy, type Policy } from "../../../node-agent/apply/policy.ts";
import { CertificateStore } from "../../../node-agent/certificates/certificate-store.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { definitionOf, entryFor } from "./balancers.ts";
import { FakeFlows } from "./fake-flows.ts";

describe("Applier", () => {
  test("what is wanted runs, and every balancer that changed is named with its state", async () => {
    const { applier, flows } = setup();
    await applier.apply(
      wantedOf(1, [entryFor("bal_old", bindOf(9001)), entryFor("bal_kept", bindOf(9002))]),
    );
    flows.draining.set("bal_old", 3);

    const applied = await applier.apply(
      wantedOf(2, [entryFor("bal_kept", bindOf(9002)), entryFor("bal_new", bindOf(9003))]),
    );

    expect(applied).toMatchObject({ kind: "applied", errors: [], connections: { drained: 3 } });
    expect(applied.kind === "applied" ? applied.balancers : []).toMatchObject([
      { id: "bal_new", state: "serving" },
      { id: "bal_old", state: "draining" },
    ]);
    expect([...flows.serving.keys()].toSorted()).toEqual(["bal_kept", "bal_new"]);
    expect(flows.calls).toEqual([
      "start bal_old",
      "start bal_kept",
      "start bal_new",
      "remove 30000 bal_old",
    ]);
  });

  test("a taken port fails that balancer only, with the system's code and the pointer", async () => {
    const { applier, flows, events } = setup();
    flows.foreign.add("127.0.0.1:9001");
    const applied = await applier.apply(
      wantedOf(1, [entryFor("bal_a", bindOf(9001)), entryFor("bal_b", bindOf(9002))]),
    );
    expect(applied).toMatchObject({
      kind: "applied",
      errors: [{ id: "bal_a", pointer: "/bind/0", code: "EADDRINUSE" }],
      balancers: [{ id: "bal_b", state: "serving" }],
    });
    expect(events).toMatchObject([{ kind: "bind.failed", balancer: "bal_a" }]);
  });

  test("a balancer that failed is tried again with backoff until it serves, and its recovery is told", async () => {
    const { applier, flows, clock, events, changes } = setup();
    flows.foreign.add("127.0.0.1:9001");
    await applier.apply(wantedOf(1, [entryFor("bal_a", bindOf(9001))]));
    await clock.advanceSettled(60_000);
    const tries = flows.calls.length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(20);
    expect(changes).toEqual([]);

    flows.foreign.clear();
    await clock.advanceSettled(15_000);
    expect([...flows.serving.keys()]).toEqual(["bal_a"]);
    expect(changes).toMatchObject([{ recovered: [{ id: "bal_a", state: "serving" }], errors: [] }]);
    expect(events.map(({ kind }) => kind)).toEqual(["bind.failed", "bind.recovered"]);
    expect(applier.view().failing.size).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("a change that fails leaves the balancer in its last good form", async () => {
    const { applier, flows } = setup();
    await applier.apply(wantedOf(1, [entryFor("bal_a", bindOf(9001))]));
    flows.foreign.add("127.0.0.1:9005");
    const applied = await applier.apply(wantedOf(2, [entryFor("bal_a", bindOf(9005))]));
    expect(applied).toMatchObject({ errors: [{ id: "bal_a", code: "EADDRINUSE" }] });
    expect(flows.serving.get("bal_a")?.definition.bind).toEqual(["127.0.0.1:9001"]);
    expect(applier.view().running.get("bal_a")?.definition.bind).toEqual(["127.0.0.1:9001"]);
  });

  test("the newest wins: a run that is overtaken stops at its next step", async () => {
    const { applier, flows } = setup();
    flows.hold();
    const entries = Array.from({ length: 40 }, (_, index) =>
      entryFor(`bal_${index}`, bindOf(9_100 + index)),
    );
    const first = applier.apply(wantedOf(1, entries));
    await settled();
    const second = applier.apply(wantedOf(2, [entryFor("bal_0", bindOf(9_100))]));
    flows.release();

    expect(await first).toEqual({ kind: "superseded" });
    expect(await second).toMatchObject({ kind: "applied", errors: [] });
    expect([...flows.serving.keys()]).toEqual(["bal_0"]);
    expect(flows.calls.filter((call) => call.startsWith("start")).length).toBeLessThan(40);
    expect(applier.view().version).toMatchObject({ rev: 2 });
  });

  test("what this agent cannot do is refused by name and pointer, and hides nothing else", async () => {
    const { applier, flows } = setup();
    const applied = await applier.apply(
      wantedOf(1, [
        entryFor("bal_a", bindOf(9001)),
        entryFor("bal_u", {
          ...bindOf(9002),
          strategy: "leastconn",
          limits: { idleMode: "oneWay" },
        }),
      ]),
    );
    expect(applied).toMatchObject({
      errors: [
        {
          id: "bal_u",
          pointer: "/strategy",
          code: "unsupported",
          detail: "needs strategy:leastconn",
        },
        { id: "bal_u", pointer: "/limits/idleMode", code: "unsupported" },
      ],
    });
    expect([...flows.serving.keys()]).toEqual(["bal_a"]);
  });

  test("what the local policy forbids is refused with the pointer, is not tried, and does not come back by itself", async () => {
    const { applier, flows, events, clock } = setup({ bind: { ports: ["10000-20000"] } });
    const applied = await applier.apply(wantedOf(1, [entryFor("bal_a", bindOf(9001))]));
    expect(applied).toMatchObject({
      errors: [{ id: "bal_a", pointer: "/bind/0", code: "denied-by-policy" }],
    });
    expect(events).toMatchObject([{ kind: "policy.denied", balancer: "bal_a" }]);
    await clock.advanceSettled(60_000);
    expect(flows.calls).toEqual([]);
  });

  test("an entry of a kind that this agent does not know is refused by its name", async () => {
    const { applier } = setup();
    const stranger = entryOf("teapot", "tea_1", {});
    const applied = await applier.apply(wantedOf(1, [stranger, entryFor("bal_a", bindOf(9001))]));
    expect(applied).toMatchObject({
      errors: [{ id: "tea_1", code: "unknown-kind" }],
      balancers: [{ id: "bal_a" }],
    });
    const errors = applied.kind === "applied" ? applied.errors : [];
    expect(errors[0]?.detail).toContain('"teapot"');
  });

  test("a body that is no balancer is refused with every problem, though it was signed for", async () => {
    const { applier } = setup();
    const broken = entryOf("balancer", "bal_x", {
      ...definitionOf("x"),
      strategy: "luck",
      extra: 1,
    });
    const applied = await applier.apply(wantedOf(1, [broken]));
    expect(applied).toMatchObject({
      errors: [
        { id: "bal_x", pointer: "/strategy", code: "unknown-value" },
        { id: "bal_x", pointer: "/extra", code: "unknown-key" },
      ],
    });
  });

  test("a secret that did not come is named by the field that needs it; once it came, the balancer starts", async () => {
    const { applier, flows } = setup({}, ["discovery:consul"]);
    const secret = "sec_01kz8b1zv4abcdefghjkmnpqrs";
    const entry = entryFor("bal_c", {
      discovery: {
        kind: "consul",
        host: "127.0.0.1:8500",
        serviceName: "web",
        aclToken: { secret },
      },
    });
    const without = await applier.apply(wantedOf(1, [entry]));
    expect(without).toMatchObject({
      errors: [{ id: "bal_c", pointer: "/discovery/aclToken", code: "secret-unavailable" }],
    });
    const secrets = new Map([[secret, "s3cret"]]);
    const withIt = await applier.apply({ ...wantedOf(2, [entry]), secrets });
    expect(withIt).toMatchObject({ errors: [] });
    expect(flows.serving.get("bal_c")?.secrets.get(secret)).toBe("s3cret");
  });

  test("a defect in one balancer's flow is that balancer's trouble only, and is tried again", async () => {
    const { applier, flows, clock } = setup();
    flows.defects.set("bal_a", new Error("a defect"));
    const applied = await applier.apply(
      wantedOf(1, [entryFor("bal_a", bindOf(9001)), entryFor("bal_b", bindOf(9002))]),
    );
    expect(applied).toMatchObject({
      errors: [{ id: "bal_a", code: "internal-error", detail: "a defect" }],
    });
    expect([...flows.serving.keys()]).toEqual(["bal_b"]);
    await clock.advanceSettled(applyRetryFirstMs);
    expect(flows.serving.has("bal_a")).toBe(true);
  });

  test("frozen, it starts nothing any more, and nothing is left waiting", async () => {
    const { applier, flows, clock } = setup();
    flows.foreign.add("127.0.0.1:9001");
    await applier.apply(wantedOf(1, [entryFor("bal_a", bindOf(9001))]));
    await applier.freeze();
    flows.foreign.clear();
    expect(await applier.apply(wantedOf(2, [entryFor("bal_a", bindOf(9001))]))).toEqual({
      kind: "superseded",
    });
    await clock.advanceSettled(60_000);
    expect(flows.serving.size).toBe(0);
    expect(clock.timers).toBe(0);
  });
});

interface Change {
  readonly recovered: AckFrame["balancers"];
  readonly errors: readonly ApplyError[];
}

function setup(
  policy: object = {},
  more: readonly string[] = [],
): {
  readonly applier: Applier;
  readonly flows: FakeFlows;
  readonly clock: FakeClock;
  readonly events: ApplyEvent[];
  readonly changes: Change[];
} {
  const flows = new FakeFlows();
  const clock = new FakeClock();
  const events: ApplyEvent[] = [];
  const changes: Change[] = [];
  const applier = new Applier({
    certificates: new CertificateStore(),
    flows,
    terms: { policy: policyOf(policy), capabilities: new Set([...capabilities, ...more]) },
    clock,
    random: () => 0.5,
    log: silentLog(),
    onEvent: (event) => events.push(event),
    onChange: (recovered, errors) => changes.push({ recovered, errors }),
  });
  return { applier, flows, clock, events, changes };
}

const capabilities = [
  "protocol:tcp",
  "strategy:weight",
  "strategy:roundrobin",
  "discovery:static",
  "healthcheck:ping",
  "healthcheck:none",
  "bind:address",
  "multi-bind",
];

function policyOf(raw: object): Policy {
  const checked = checkPolicy(raw);
  return checked.ok ? checked.value : defaultPolicy();
}

function wantedOf(rev: number, entries: readonly SnapshotEntry[]): WantedSnapshot {
  return { version: { epoch: 1, rev, root: "0".repeat(64) }, entries, secrets: new Map() };
}

function bindOf(port: number): { readonly bind: readonly string[] } {
  return { bind: [`127.0.0.1:${port}`] };
}
