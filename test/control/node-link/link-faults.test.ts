import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { frameBytesMax, helloMsMax, linkPayloadBytesMax } from "#shared/base/limits.ts";

import { createPostgresDatabase } from "../../../control/storage/postgres-database.ts";
import { eventually } from "../../support/eventually.ts";
import { nodeControl } from "../../support/node-control.ts";
import { ownPostgres } from "../../support/own-postgres.ts";
import { joinSimulated, SimulatedNode } from "../../support/simulated-node.ts";
import { tenantRows } from "../../support/tenant-rows.ts";
import { throughout } from "../../support/throughout.ts";
import { nodeWorld, serves } from "./node-world.ts";

const hello = (node: SimulatedNode): string => JSON.stringify(node.hello());
const beat = JSON.stringify({
  ...{ t: "hb", running: null, failing: 0, connections: 0, rssBytes: 0, cpuShare: 0 },
  durable: true,
});

describe("a node that does not keep to the protocol loses its link, and nobody else does", () => {
  test.each<[string, number, (node: SimulatedNode) => readonly (string | Buffer)[]]>([
    ["no JSON", 4400, () => ["hello?"]],
    ["JSON that is no frame", 4400, () => ["[1,2,3]"]],
    ["an unknown type", 4400, () => ['{"t":"shout"}']],
    ["a binary frame", 4400, (node) => [Buffer.from(hello(node))]],
    ["another frame before hello", 4400, () => [beat]],
    ["a second hello", 4400, (node) => [hello(node), hello(node)]],
    [
      "a part out of order",
      4400,
      (node) => [hello(node), '{"t":"part","id":"x","n":2,"of":3,"data":""}'],
    ],
    [
      "too many parts",
      4400,
      (node) => [hello(node), '{"t":"part","id":"x","n":1,"of":999,"data":""}'],
    ],
    ["a frame over 28 KB", 4413, (node) => [hello(node), " ".repeat(frameBytesMax + 1)]],
    ["a message over the carrier's limit", 1009, () => [" ".repeat(linkPayloadBytesMax + 1)]],
    ["deeply nested JSON", 4400, () => ["[".repeat(frameBytesMax)]],
    ["no common protocol", 4426, (node) => [JSON.stringify({ ...node.hello(), protocols: [99] })]],
    ["a flood", 4429, (node) => [hello(node), ...Array.from({ length: 300 }, () => beat)]],
    ["text that is not UTF-8", 1007, () => []],
  ])("%s: %i", async (what, code, frames) => {
    const { tenant, node } = await nodeWorld();
    const [bad, good] = [await node({ answers: "nothing" }), await node()];
    await good.connect();
    bad.generation = 1;
    await bad.connectSilently();
    for (const frame of frames(bad)) bad.socket.send(frame, { binary: typeof frame !== "string" });
    if (what === "text that is not UTF-8") {
      bad.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    }
    expect((await bad.closed).code).toBe(code);
    await tenant.commit({ bal_a: { name: "a" } });
    await serves(good, 1);
    expect(good.isOpen).toBe(true);
    expect(await bad.connect(), "and may come back").toEqual({ kind: "open" });
  });

  test("silence instead of hello: 4408", async () => {
    const clock = systemClock();
    const later = { ms: 0 };
    const { node } = await nodeWorld({
      clock: { ...clock, monotonicMs: () => clock.monotonicMs() + later.ms },
    });
    const one = await node();
    one.generation = 1;
    await one.connectSilently();
    await throughout(() => expect(one.isOpen).toBe(true), { forMs: 1_500 });
    later.ms = helloMsMax;
    expect((await one.closed).code).toBe(4408);
  });

  test("a node that reads nothing holds up nobody, and its memory is bounded", async () => {
    const { control, tenant, node } = await nodeWorld();
    const [stuck, good] = [await node(), await node()];
    await good.connect();
    await stuck.connect();
    await serves(stuck, 0);
    stuck.socket.pause();
    const pad = "x".repeat(20_000);
    for (let rev = 1; rev <= 40; rev += 1) {
      await tenant.commit({ bal_a: { rev, pad } });
      await serves(good, rev);
    }
    expect(control.side.links.count()).toBe(2);
    stuck.socket.resume();
    await serves(stuck, 40);
    const deltas = stuck.frames.filter(({ t }) => t === "delta" || t === "ref").length;
    expect(deltas, "newest wins").toBeLessThan(10);
  });
});

test("a link whose state goes wrong is repaired by what the node repeats", async () => {
  const { tenant, node } = await nodeWorld();
  const one = await node();
  await one.connect();
  await tenant.commit({ bal_a: { name: "a" } });
  await serves(one, 1);
  one.forget();
  one.beat();
  await serves(one, 1);
  expect(one.bodies.get("bal_a")).toEqual({ name: "a" });
});

describe("Postgres goes away", () => {
  test("links stay, new ones are told to come back, and everything is written afterwards", async () => {
    const server = await ownPostgres(onTestFinished);
    const { url } = server;
    const database = createPostgresDatabase({ url, clock: systemClock(), random: Math.random });
    onTestFinished(() => database.stop());
    const sql = postgres(url, { max: 2, onnotice: () => undefined });
    onTestFinished(() => sql.end({ timeout: 1 }));
    const tenant = await tenantRows(sql);
    const control = await nodeControl(onTestFinished, {
      ...{ url, database, sql },
      stop: () => Promise.resolve(),
    });
    const [one, late] = await Promise.all(
      [0, 1].map(async () => {
        const identity = await joinSimulated(control.url, await tenant.joinToken());
        return new SimulatedNode({ identity, url: control.url });
      }),
    );
    if (one === undefined || late === undefined) throw new Error("no nodes");
    await one.connect();
    await tenant.commit({ bal_a: { name: "a" } });
    await serves(one, 1);
    await eventually(async () => {
      const [row] = await sql`SELECT phase FROM node_status WHERE node_id = ${one.node}`;
      return row?.["phase"] === "serving";
    });

    await server.stop();
    one.bootId = "still here";
    one.send({
      t: "nack",
      nonce: null,
      version: one.running ?? { epoch: 1, rev: 1, root: "" },
      errors: [{ id: "bal_a", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" }],
      running: one.running ?? null,
      partial: true,
    });
    expect(await late.connect()).toMatchObject({ status: 503, code: "http/unavailable" });
    await throughout(() => expect(one.isOpen).toBe(true), { forMs: 3_000 });

    await server.start();
    await eventually(async () => {
      const [row] = await sql`SELECT phase, failing FROM node_status WHERE node_id = ${one.node}`;
      expect(row).toEqual({ phase: "degraded", failing: 1 });
    });
    expect(one.isOpen, "the same link").toBe(true);
    expect(one.frames.filter(({ t }) => t === "welcome")).toHaveLength(1);
    await eventually(async () => expect(await late.connect()).toEqual({ kind: "open" }), {
      everyMs: 200,
    });
    await tenant.commit({ bal_a: { name: "b" } });
    await Promise.all([serves(one, 2), serves(late, 2)]);
    one.drop();
    late.drop();
  });
});
