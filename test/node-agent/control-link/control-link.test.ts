import { describe, expect, onTestFinished, test } from "vitest";

import { linkSilenceMsMax } from "#shared/base/limits.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { DeltaFrame } from "#shared/wire/control-frames.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import { hostDisk } from "../../../node-agent/runtime/disk.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import type { Publisher } from "../../support/publisher.ts";
import { heartbeatOf, ScriptedControl } from "../../support/scripted-control.ts";
import { tcpRelay } from "../../support/tcp-relay.ts";
import { otherTestCertificate, testCertificate } from "../../support/test-certificates.ts";
import { throughout } from "../../support/throughout.ts";
import { entryFor } from "../apply/balancers.ts";
import { nodeId, startControl, startNode } from "./node-under-test.ts";

const a1 = entryFor("bal_a", { bind: ["127.0.0.1:9001"] });
const a2 = entryFor("bal_a", { bind: ["127.0.0.1:9002"] });
const b1 = entryFor("bal_b", { bind: ["127.0.0.1:9003"] });

test("a control plane that vanishes without a word is left after 50 s of silence, and dialled anew", async () => {
  const { control, node } = await startControl();
  const relay = await tcpRelay(onTestFinished, Number(new URL(control.url).port));
  const { link, clock } = await startNode({ ...node, control: `http://127.0.0.1:${relay.port}` });
  await control.link(1);
  await eventually(() => link.view().stage === "open");
  relay.freeze();
  for (let ms = 0; ms < linkSilenceMsMax - 1_000; ms += 1_000) {
    clock.advance(1_000);
    expect(link.view().stage).toBe("open");
  }
  clock.advance(1_000);
  expect(link.view().stage).toBe("waiting");
  relay.thaw();
  await eventually(() => {
    clock.advance(100);
    return link.view().opened === 2;
  });
});

describe("configuration over a real link", () => {
  test("a delta serves and is acknowledged within one frame; the next one builds on it", async () => {
    const { control, publisher, node } = await startControl();
    const { flows } = await startNode(node);
    const link = await control.link(1);
    expect(link.frames[0]).toMatchObject({
      t: "hello",
      have: null,
      bootId: "boot",
      protocols: [1],
    });

    const v1 = publisher.version(1, [a1]);
    link.send(deltaOf(publisher, { base: null, to: v1, up: [a1] }));
    expect(await link.next("ack")).toMatchObject({
      nonce: "n1",
      version: v1,
      phase: "serving",
      durable: true,
      balancers: [{ id: "bal_a", state: "serving" }],
    });
    expect(flows.serving.get("bal_a")?.definition.bind).toEqual(["127.0.0.1:9001"]);

    const v2 = publisher.version(2, [b1]);
    const del = [{ kind: "balancer", id: "bal_a" }];
    link.send({ ...deltaOf(publisher, { base: v1, to: v2, up: [b1] }), del });
    expect(await link.next("ack")).toMatchObject({ nonce: "n2", version: v2, phase: "serving" });
    expect([...flows.serving.keys()]).toEqual(["bal_b"]);
  });

  test("while applying takes long, the stored version is acknowledged at once, and serving later", async () => {
    const { control, publisher, node } = await startControl();
    const { flows, clock } = await startNode(node);
    const link = await control.link(1);
    flows.hold();
    const v1 = publisher.version(1, [a1]);
    link.send(deltaOf(publisher, { base: null, to: v1, up: [a1] }));
    await eventually(() => flows.calls.length === 1);
    clock.advance(20);
    expect(await link.next("ack")).toMatchObject({ nonce: "n1", phase: "stored" });
    flows.release();
    expect(await link.next("ack")).toMatchObject({ nonce: "n1", phase: "serving" });
  });

  test("a ref is pulled over HTTP with a signed header, whatever revision the stored copy was made for", async () => {
    const { control, publisher, node } = await startControl();
    const { flows } = await startNode(node);
    const link = await control.link(1);
    control.snapshot = () => publisher.snapshot(1, [a1, b1]);
    const to = publisher.version(7, [a1, b1]);
    link.send(refOf(publisher, to));
    expect(await link.next("ack")).toMatchObject({ nonce: "r7", version: to, phase: "serving" });
    expect(flows.serving.size).toBe(2);
    expect(control.claims.at(-1)).toMatchObject({ node: nodeId });
  });

  test("a tampered body and a wrong signature are refused and reported, inline and pulled; the last good one runs on", async () => {
    const { control, publisher, node } = await startControl();
    const { flows } = await startNode(node);
    const link = await control.link(1);
    const v1 = publisher.version(1, [a1]);
    link.send(deltaOf(publisher, { base: null, to: v1, up: [a1] }));
    await link.next("ack");

    const v2 = publisher.version(2, [a2]);
    const tampered = { ...a2, body: entryFor("bal_a", { bind: ["127.0.0.1:6666"] }).body };
    link.send(deltaOf(publisher, { base: v1, to: v2, up: [tampered] }));
    expect(await link.next("nack")).toMatchObject({
      nonce: "n2",
      version: v2,
      running: v1,
      partial: false,
      errors: [{ id: null, code: "bad-hash" }],
    });
    expect(await link.next("ev")).toMatchObject({ events: [{ kind: "snapshot.refused" }] });

    const v3 = publisher.version(3, [a2]);
    const other = {
      ...deltaOf(publisher, { base: v1, to: v3, up: [a2] }),
      signature: publisher.signature(v2),
    };
    link.send(other);
    expect(await link.next("nack")).toMatchObject({ errors: [{ code: "bad-signature" }] });

    const v4 = publisher.version(4, [a2]);
    control.snapshot = () => ({ ...publisher.snapshot(4, [a2]), entries: [tampered] });
    link.send(refOf(publisher, v4));
    expect(await link.next("nack")).toMatchObject({ nonce: "r4", errors: [{ code: "bad-hash" }] });

    expect(flows.serving.get("bal_a")?.definition.bind).toEqual(["127.0.0.1:9001"]);
    expect(flows.calls).toEqual(["start bal_a"]);
  });

  test("entries that are not those that were signed for: everything is asked for, and a good whole is taken", async () => {
    const { control, publisher, node } = await startControl();
    await startNode(node);
    const link = await control.link(1);
    const to = publisher.version(1, [a1, b1]);
    link.send(deltaOf(publisher, { base: null, to, up: [a1] }));
    expect(await link.next("get")).toMatchObject({ want: to, why: "root-mismatch" });
    control.snapshot = () => publisher.snapshot(1, [a1, b1]);
    link.send(refOf(publisher, to));
    expect(await link.next("ack")).toMatchObject({ version: to, phase: "serving" });
  });

  test("an answer that is no snapshot, or none at all, is asked for again", async () => {
    const { control, publisher, node } = await startControl();
    const { clock } = await startNode(node);
    const link = await control.link(1);
    const to = publisher.version(1, [a1]);
    control.snapshot = () => "{}";
    link.send(refOf(publisher, to));
    await eventually(() => {
      clock.advance(100);
      return link.frames.some(({ t }) => t === "get");
    });
    expect(await link.next("get")).toMatchObject({ why: "fetch-failed" });
    control.snapshot = () => publisher.snapshot(1, [a1]);
    link.send(refOf(publisher, to));
    expect(await link.next("ack")).toMatchObject({ version: to });
  });

  test("secrets are opened only when they are sealed for this node and signed by the control plane", async () => {
    const { control, publisher, node } = await startControl();
    const { flows } = await startNode(node);
    const link = await control.link(1);
    const secret = "sec_01kz8b1zv4abcdefghjkmnpqrs";
    const discovery = {
      kind: "consul",
      host: "127.0.0.1:8500",
      serviceName: "web",
      aclToken: { secret },
    };
    const entry = entryFor("bal_c", { discovery });
    const { publicKey } = node.keys.receiving;

    const v1 = publisher.version(1, [entry]);
    const forOther = publisher.sealed(publicKey, { node: "nod_b", secret }, "s3cret");
    link.send({
      ...deltaOf(publisher, { base: null, to: v1, up: [entry] }),
      secrets: { [secret]: forOther },
    });
    expect(await link.next("nack")).toMatchObject({
      partial: true,
      errors: [{ id: "bal_c", pointer: "/discovery/aclToken", code: "secret-unavailable" }],
    });

    const v2 = publisher.version(2, [entry]);
    const forThis = publisher.sealed(publicKey, { node: nodeId, secret }, "s3cret");
    link.send({
      ...deltaOf(publisher, { base: v1, to: v2, up: [] }),
      secrets: { [secret]: forThis },
    });
    expect(await link.next("ack")).toMatchObject({ version: v2, phase: "serving" });
    expect(flows.serving.get("bal_c")?.secrets.get(secret)).toBe("s3cret");
  });

  test("a balancer that recovers by itself is told, and its event with it", async () => {
    const { control, publisher, node } = await startControl();
    const { flows, clock } = await startNode(node);
    const link = await control.link(1);
    flows.foreign.add("127.0.0.1:9001");
    const to = publisher.version(1, [a1]);
    link.send(deltaOf(publisher, { base: null, to, up: [a1] }));
    expect(await link.next("nack")).toMatchObject({
      errors: [{ id: "bal_a", code: "EADDRINUSE" }],
    });
    expect(await link.next("ev")).toMatchObject({
      events: [{ kind: "bind.failed", balancer: "bal_a" }],
    });
    flows.foreign.clear();
    await clock.advanceSettled(2_000);
    expect(await link.next("ack")).toMatchObject({ nonce: null, version: to, phase: "serving" });
    expect(await link.next("ev")).toMatchObject({ events: [{ kind: "bind.recovered" }] });
  });
});

describe("over TLS", () => {
  test("link and snapshots go to whoever shows a certificate of the given authority", async () => {
    const { control, publisher, node } = await startControl(testCertificate);
    const { flows } = await startNode({ ...node, ca: testCertificate.cert });
    const link = await control.link(1);
    control.snapshot = () => publisher.snapshot(1, [a1]);
    link.send(refOf(publisher, publisher.version(1, [a1])));
    expect(await link.next("ack")).toMatchObject({ phase: "serving" });
    expect(flows.serving.has("bal_a")).toBe(true);
  });

  test("anybody else is not spoken with: no header, no frame", async () => {
    const { control, node } = await startControl(testCertificate);
    const { link } = await startNode({ ...node, ca: otherTestCertificate.cert });
    await eventually(() => link.view().stage === "waiting");
    expect(control.claims).toEqual([]);
  });
});

describe("a disk that refuses", () => {
  test("the snapshot runs from memory, says so, and is stored when the disk takes it again", async () => {
    const { control, publisher, node } = await startControl();
    const host = hostDisk();
    const disk = { ...host };
    const readOnly = (): Promise<void> =>
      Promise.reject(Object.assign(new Error("read-only"), { code: "EROFS" }));
    const first = await startNode({ ...node, disk });
    const link = await control.link(1);
    disk.rename = readOnly;
    const to = publisher.version(1, [a1]);
    link.send(deltaOf(publisher, { base: null, to, up: [a1] }));
    expect(await link.next("ack")).toMatchObject({ version: to, phase: "serving", durable: false });
    expect(first.link.view().durable).toBe(false);

    disk.rename = (from, to) => host.rename(from, to);
    await eventually(() => {
      first.clock.advance(1_000);
      return link.frames.some((frame) => frame.t === "hb" && frame.durable);
    });
    await first.stop();
    const second = await startNode(node);
    expect(second.link.view().running).toEqual(to);
  });
});

describe("the link comes back", () => {
  test("lost and found: it says what it has, generations grow, also over a restart of the agent", async () => {
    const { control, publisher, node } = await startControl();
    const first = await startNode(node);
    const link = await control.link(1);
    const to = publisher.version(1, [a1]);
    link.send(deltaOf(publisher, { base: null, to, up: [a1] }));
    await link.next("ack");
    link.socket.terminate();
    await eventually(() => first.link.view().stage === "waiting");
    first.clock.advance(1_000);
    expect((await control.link(2)).frames[0]).toMatchObject({ t: "hello", have: to });
    await first.stop();

    const second = await startNode(node);
    expect((await control.link(3)).frames[0]).toMatchObject({ t: "hello", have: to });
    const [one = 0, two = 0, three = 0] = control.claims.map(({ generation }) => generation);
    expect([two > one, three > two, control.claims.length]).toEqual([true, true, 3]);
    await eventually(() => second.flows.serving.has("bal_a"));
  });

  test("the control plane is gone and comes back on the same address", async () => {
    const { control, node } = await startControl();
    const { link, clock } = await startNode(node);
    await control.link(1);
    const { port } = control;
    await control.stop();
    await eventually(() => link.view().stage === "waiting");
    clock.advance(1_000);
    await eventually(() => link.view().stage === "waiting");

    const again = await ScriptedControl.start(node.keys.signing.publicKey, { port });
    try {
      await eventually(() => {
        clock.advance(1_000);
        return again.links.length === 1;
      });
      expect((await again.link(1)).frames[0]).toMatchObject({ t: "hello" });
    } finally {
      await again.stop();
    }
  });

  test("a link that has fallen silent is given up, though its socket is open", async () => {
    const { control, node } = await startControl();
    const { link, clock } = await startNode(node);
    const first = await control.link(1);
    await eventually(() => link.view().stage === "open");
    clock.advance(linkSilenceMsMax);
    expect(link.view().stage).toBe("waiting");
    await eventually(() => first.closedWith === closeCodes.goingAway);
    clock.advance(1_000);
    await control.link(2);
  });

  test("a clock that is an hour off: refused, corrected, and let in at the second try", async () => {
    const { control, node } = await startControl();
    control.refuse = ({ atMs }) =>
      Math.abs(atMs - Date.now()) > 60_000
        ? { status: 401, headers: { "midstream-time-ms": String(Date.now()) } }
        : undefined;
    const { clock } = await startNode({ ...node, clock: new FakeClock(Date.now() - 3_600_000) });
    await control.link(1);
    const [one = 0, two = 0] = control.claims.map(({ generation }) => generation);
    expect([two > one, control.claims.length]).toEqual([true, 2]);
    expect(Math.abs(clock.nowMs() - Date.now())).toBeGreaterThan(3_500_000);
  });

  test("revoked: what runs keeps running, and the next try comes much later", async () => {
    const { control, publisher, node } = await startControl();
    const { link, flows, clock } = await startNode(node);
    const first = await control.link(1);
    first.send(deltaOf(publisher, { base: null, to: publisher.version(1, [a1]), up: [a1] }));
    await first.next("ack");
    control.refuse = () => ({ status: 403 });
    first.socket.close(closeCodes.revoked, "revoked");
    await eventually(() => link.view().stage === "waiting");
    clock.advance(120_000);
    await throughout(() => expect(control.claims.length).toBe(1), { forMs: 100 });
    expect(flows.serving.has("bal_a")).toBe(true);
  });

  test("what an old socket still says is not heard", async () => {
    const { control, publisher, node } = await startControl();
    const { link, flows, clock } = await startNode(node);
    const old = await control.link(1);
    await eventually(() => link.view().stage === "open");
    clock.advance(linkSilenceMsMax);
    clock.advance(1_000);
    await control.link(2);
    old.send(deltaOf(publisher, { base: null, to: publisher.version(1, [a1]), up: [a1] }));
    await throughout(() => expect(flows.calls).toEqual([]), { forMs: 100 });
  });
});

describe("what the node tells", () => {
  test("heartbeats repeat what runs; a mismatch that stays is repaired by asking", async () => {
    const { control, publisher, node } = await startControl();
    const { clock, link: own } = await startNode(node);
    const link = await control.link(1);
    await eventually(() => own.view().stage === "open");
    clock.advance(24_000);
    expect(await link.next("hb")).toMatchObject({
      running: null,
      failing: 0,
      durable: true,
      rssBytes: 1,
    });
    const to = publisher.version(1, [a1]);
    link.send(heartbeatOf(to));
    link.send(heartbeatOf(to));
    expect(await link.next("get")).toMatchObject({ want: to, why: "missing" });
  });

  test("events wait for the link, and of one thing only the newest is told", async () => {
    const { control, node } = await startControl();
    control.refuse = () => ({ status: 503 });
    const { link, clock } = await startNode(node);
    const event = { balancer: "bal_a", backend: "10.0.0.1:80", detail: "" };
    link.report({ ...event, kind: "backend.down" });
    link.report({ ...event, kind: "backend.up" });
    link.report({ ...event, kind: "backend.down", backend: "10.0.0.2:80" });
    control.refuse = () => undefined;
    await eventually(() => {
      clock.advance(500);
      return control.links.length > 0;
    });
    const { events } = await (await control.link(1)).next("ev");
    expect(events).toMatchObject([
      { kind: "backend.up", backend: "10.0.0.1:80" },
      { kind: "backend.down", backend: "10.0.0.2:80" },
    ]);
  });

  test("reports go while the link stands, not faster than it allows, and marks come back", async () => {
    const { control, node } = await startControl();
    const { link, clock, marks, report } = await startNode(node);
    expect(link.sendReport(report(1))).toBe(false);
    const first = await control.link(1);
    await eventually(() => link.view().stage === "open");
    let taken = 0;
    while (taken < 100 && link.sendReport(report(taken + 1))) taken += 1;
    expect(taken).toBeLessThanOrEqual(40);
    clock.advance(1_000);
    expect(link.sendReport(report(taken + 1))).toBe(true);
    first.send(heartbeatOf(null, "boot", 7));
    await eventually(() => marks.some(({ seq }) => seq === 7));
    expect(first.frames.filter(({ t }) => t === "st").length).toBe(taken + 1);
  });

  test("at its end the node says bye after everything else, and the control plane has it all", async () => {
    const { control, node } = await startControl();
    const { link, stop, report } = await startNode(node);
    const first = await control.link(1);
    await eventually(() => link.view().stage === "open");
    expect(link.sendReport(report(1))).toBe(true);
    await stop();
    expect(first.frames.slice(-2).map(({ t }) => t)).toEqual(["st", "bye"]);
    expect(first.closedWith).toBe(closeCodes.goingAway);
  });
});

function deltaOf(
  publisher: Publisher,
  change: {
    readonly base: Version | null;
    readonly to: Version;
    readonly up: readonly SnapshotEntry[];
  },
): DeltaFrame {
  const { base, to, up } = change;
  const signature = publisher.signature(to);
  return {
    t: "delta",
    nonce: `n${to.rev}`,
    base,
    to,
    up: [...up],
    del: [],
    secrets: {},
    signature,
  };
}

function refOf(publisher: Publisher, to: Version) {
  const url = `/v1/agent/snapshots/${to.root}`;
  const signature = publisher.signature(to);
  return { t: "ref", nonce: `r${to.rev}`, to, bytes: 1_000, url, signature } as const;
}
