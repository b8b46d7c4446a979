import { describe, expect, onTestFinished, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { nodeControl } from "../../support/node-control.ts";
import { joinSimulated, SimulatedNode } from "../../support/simulated-node.ts";
import { tenantRows } from "../../support/tenant-rows.ts";
import { throughout } from "../../support/throughout.ts";
import { nodeWorld as world, serves } from "./node-world.ts";

describe("a change", () => {
  test("reaches every node of the group as a verified difference, and nobody else", async () => {
    const { db, control, tenant, node } = await world();
    const other = await tenantRows(db.sql);
    const stranger = new SimulatedNode({
      identity: await joinSimulated(control.url, await other.joinToken()),
      url: control.url,
    });
    const nodes = [await node(), await node({ answers: "phases" })];
    for (const each of [...nodes, stranger]) expect(await each.connect()).toEqual({ kind: "open" });
    await tenant.commit({ bal_a: { name: "a" }, bal_b: { name: "b" } });
    for (const each of nodes) await serves(each, 1);
    await tenant.commit({ bal_a: null, bal_b: { name: "b2" } });
    for (const each of nodes) {
      await serves(each, 2);
      expect(each.refusals).toEqual([]);
      expect(Object.fromEntries(each.bodies)).toEqual({ bal_b: { name: "b2" } });
      expect(each.frames.filter(({ t }) => t === "ref")).toEqual([]);
    }
    await eventually(() => stranger.running?.rev === 0);
    await throughout(() => expect(stranger.bodies.size).toBe(0), { forMs: 100 });
    stranger.drop();
  });

  test("that is too big for a frame is pulled, verified and acknowledged", async () => {
    const { tenant, node } = await world();
    const one = await node();
    await one.connect();
    const pad = "x".repeat(1_000);
    const ids = Array.from({ length: 100 }, (_, index) => `bal_${index}`);
    await tenant.commit(Object.fromEntries(ids.map((id) => [id, { pad, id }])));
    await serves(one, 1);
    expect(one.frames.some(({ t }) => t === "ref")).toBe(true);
    expect(one.bodies.size).toBe(100);
    expect(one.refusals).toEqual([]);
  });

  test("waits for a node that is away: it gets the difference from what it has", async () => {
    const { tenant, node } = await world();
    const one = await node();
    await one.connect();
    await tenant.commit({ bal_a: { name: "a" } });
    await serves(one, 1);
    one.drop();
    await one.closed;
    await tenant.commit({ bal_b: { name: "b" } });
    await tenant.commit({ bal_c: { name: "c" } });
    one.frames.length = 0;
    await one.connect();
    await serves(one, 3);
    const deltas = one.frames.flatMap((frame) => (frame.t === "delta" ? [frame] : []));
    expect(deltas.map(({ up }) => up.map(({ id }) => id))).toEqual([["bal_b", "bal_c"]]);
  });

  test("leaves a receipt: when it was sent, and when it served on each node", async () => {
    const { db, tenant, node } = await world();
    const one = await node({ answers: "phases" });
    await one.connect();
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(async () => {
      const [row] = await db.sql`
        SELECT sent_at, stored_at, applied_at, serving_at, errors FROM node_revisions WHERE rev = 1`;
      expect(row).toMatchObject({ errors: [] });
      const times = [
        row?.["sent_at"],
        row?.["stored_at"],
        row?.["applied_at"],
        row?.["serving_at"],
      ];
      expect(times.every((time) => time instanceof Date)).toBe(true);
      expect(times.toSorted((a, b) => Number(a) - Number(b))).toEqual(times);
    });
    const [status] = await db.sql`SELECT * FROM node_status`;
    expect(status).toMatchObject({ connected: true, phase: "serving", failing: 0, connections: 0 });
    expect(status?.["running"]).toEqual(one.running);
    const [row] = await db.sql`SELECT agent, os, capabilities FROM nodes`;
    expect(row).toEqual({ agent: "0.0.0-test", os: "test", capabilities: ["tcp"] });
  });

  test("that fails in part is applied at that time, and serves at a later one", async () => {
    const { db, tenant, node } = await world();
    const one = await node({ answers: "nothing" });
    await tenant.commit({ bal_a: { name: "a" } });
    await one.connect();
    const { nonce, to: version } = await eventually(() => {
      const [delta] = one.frames.flatMap((frame) => (frame.t === "delta" ? [frame] : []));
      if (delta === undefined) throw new Error("no delta came");
      return delta;
    });
    const errors = [{ id: "bal_a", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" }];
    one.send({ t: "nack", nonce, version, running: version, partial: true, errors });
    const times = async () => {
      const [row] = await db.sql`
        SELECT stored_at, applied_at, serving_at, errors FROM node_revisions WHERE rev = 1`;
      return row;
    };
    await eventually(async () => {
      expect(await times()).toMatchObject({
        ...{ stored_at: expect.any(Date), applied_at: expect.any(Date), serving_at: null, errors },
      });
    });
    const first = await times();
    const done = { balancers: [], durable: true, connections: { kept: 0, drained: 0, cut: 0 } };
    one.send({ t: "ack", nonce: null, version, phase: "serving", ...done });
    await eventually(async () => {
      expect(await times()).toMatchObject({
        ...{ applied_at: first?.["applied_at"], serving_at: expect.any(Date), errors: [] },
      });
    });
    const last = await times();
    expect(Number(last?.["serving_at"])).toBeGreaterThan(Number(last?.["applied_at"]));
  });

  test("that a node refuses is written with its reasons and not sent again", async () => {
    const { db, tenant, node } = await world();
    const error = {
      id: null,
      pointer: "",
      code: "bad-signature",
      detail: "not\u0000 signed \ud800",
    };
    const one = await node({ refuses: [error] });
    await one.connect();
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(async () => {
      const [status] = await db.sql`
        SELECT phase, errors, (desired ->> 'rev')::int AS rev FROM node_status`;
      expect(status).toEqual({
        ...{ phase: "refused", rev: 1 },
        errors: [{ ...error, detail: "not signed \ufffd" }],
      });
    });
    const sent = one.frames.filter(({ t }) => t === "delta").length;
    one.beat();
    await throughout(() => expect(one.frames.filter(({ t }) => t === "delta").length).toBe(sent), {
      forMs: 300,
    });
  });
});

describe("two instances on one database", () => {
  test.each([true, false])(
    "a write is heard by a node of the other (doorbell: %s)",
    async (doorbell) => {
      const { db, tenant, node } = await world({ doorbell });
      const other = await nodeControl(onTestFinished, db, { doorbell });
      const [here, there] = [await node(), await node()];
      await here.connect();
      await there.connect(other.url);
      await tenant.commit({ bal_a: { name: "a" } });
      await Promise.all([serves(here, 1), serves(there, 1)]);
    },
  );

  test("the newer link of a node wins, also on the other instance", async () => {
    const { db, node } = await world();
    const other = await nodeControl(onTestFinished, db);
    const one = await node();
    await one.connect();
    const first = one.closed;
    expect(await one.connect(other.url)).toEqual({ kind: "open" });
    expect(await first).toMatchObject({ code: 4409 });
    expect(one.isOpen).toBe(true);
    await eventually(async () => {
      const [status] = await db.sql`SELECT connected FROM node_status`;
      expect(status).toEqual({ connected: true });
    });
  });

  test("a listening connection that is killed costs no change", async () => {
    const { db, tenant, node } = await world();
    const one = await node();
    await one.connect();
    for (let rev = 1; rev <= 5; rev += 1) {
      await db.sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'midstream listen' AND datname = current_database()`;
      await tenant.commit({ bal_a: { rev } });
      await serves(one, rev);
    }
  });
});
