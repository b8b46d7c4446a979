import { gunzipSync } from "node:zlib";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { manifestsPerGroupKept, manifestsPruneSlack } from "#shared/base/limits.ts";
import { refusalOf, snapshotSchema } from "#shared/snapshot/snapshot.ts";
import type { Version } from "#shared/snapshot/version.ts";
import { controlFrameSchema, type ControlFrame } from "#shared/wire/control-frames.ts";

import type { PreparedConfig } from "../../../control/publish/prepared-config.ts";
import type { PublisherDeps } from "../../../control/publish/publisher-deps.ts";
import { createPublisher, type Publisher } from "../../../control/publish/publisher.ts";
import { eventually } from "../../support/eventually.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { testSigning } from "../../support/signing.ts";
import { anyId, tenantRows } from "../../support/tenant-rows.ts";

const { signer, trusted } = testSigning();
const node = { nodeId: anyId("nod"), receivingKey: "" };

async function freshDatabase(): Promise<TestDatabase> {
  const fresh = await testDatabase();
  onTestFinished(() => fresh.stop());
  return fresh;
}

function started(over: Pick<PublisherDeps, "database"> & Partial<PublisherDeps>): Publisher {
  const publisher = createPublisher({
    signer,
    sealForNode: () => Promise.reject(new Error("no secrets here")),
    clock: systemClock(),
    random: Math.random,
    log: recordedLog(),
    doorbell: true,
    ...over,
  });
  onTestFinished(() => publisher.stop());
  return publisher;
}

function frameOf(config: PreparedConfig): ControlFrame {
  if (config.kind !== "message") throw new Error(`no message: ${config.kind}`);
  const [text] = config.texts;
  return controlFrameSchema.parse(JSON.parse(Buffer.from(text ?? "").toString("utf8")));
}

/** Follows a group and keeps the versions it heard of. */
async function followed(publisher: Publisher, key: Parameters<Publisher["watch"]>[0]) {
  const heard: Version[] = [];
  const watch = publisher.watch(key, (version) => heard.push(version));
  await watch.ready;
  return { heard, watch };
}

describe("what a group shall run", () => {
  test("is known once it is followed, and every commit is heard", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const publisher = started({ database });
    const { heard } = await followed(publisher, tenant);
    expect(publisher.desired(tenant)).toMatchObject({ epoch: 1, rev: 0 });
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => heard.at(-1)?.rev === 1);
    await tenant.commit({ bal_a: null });
    await eventually(() => heard.at(-1)?.rev === 2);
    expect(heard[0]?.root).toBe(heard[2]?.root);
  });

  test("is found by the sweep when no doorbell rings", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql, { doorbell: false });
    const publisher = started({ database, doorbell: false });
    const { heard } = await followed(publisher, tenant);
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => heard.at(-1)?.rev === 1);
  });

  test("is found after the listening connection was killed, even when the bell rang meanwhile", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const publisher = started({ database });
    const { heard } = await followed(publisher, tenant);
    await eventually(async () => {
      const killed = await sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'midstream listen' AND datname = current_database()`;
      return killed.length > 0;
    });
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => heard.at(-1)?.rev === 1);
  });

  test("stays what it was when the rows make no snapshot, and goes on when they do again", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const log = recordedLog();
    const publisher = started({ database, log });
    const { heard } = await followed(publisher, tenant);
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => heard.at(-1)?.rev === 1);
    await sql`UPDATE balancers SET hash = ${"0".repeat(64)} WHERE tenant_id = ${tenant.tenantId}`;
    await tenant.commit({});
    await eventually(() => log.lines.some(({ event }) => event === "publish.failed"));
    expect(publisher.desired(tenant)?.rev).toBe(1);
    await tenant.commit({ bal_a: { name: "b" } });
    await eventually(() => heard.at(-1)?.rev === 3);
  });

  test.each([true, false])(
    "never lacks what no revision took away (known to the process: %s), and goes on when it is back",
    async (known) => {
      const { database, sql } = await freshDatabase();
      const tenant = await tenantRows(sql, { doorbell: false });
      const log = recordedLog();
      const first = started({ database, doorbell: false });
      const followedFirst = await followed(first, tenant);
      await tenant.commit({ bal_a: { name: "a" }, bal_b: { name: "b" }, bal_c: { name: "c" } });
      await eventually(() => followedFirst.heard.at(-1)?.rev === 1);
      await eventually(async () => {
        expect(await sql`SELECT rev FROM manifests WHERE rev = 1`).toHaveLength(1);
      });
      if (!known) await first.stop();
      const publisher = started({ database, log, doorbell: false });
      if (known) await followed(publisher, tenant);
      const lost = await sql`
        DELETE FROM balancers b WHERE tenant_id = ${tenant.tenantId} AND id <> 'bal_c'
        RETURNING to_jsonb(b)::text AS whole`;
      await tenant.commit({ bal_c: null, bal_d: { name: "d" } });
      if (!known) await followed(publisher, tenant);
      await eventually(() => log.lines.some(({ event }) => event === "publish.failed"));
      const failed = log.lines.find(({ event }) => event === "publish.failed");
      expect(failed?.fields["error"]).toMatchObject({ code: "publish/unexplained-removal" });
      expect(publisher.desired(tenant)?.rev).toBe(known ? 1 : undefined);
      expect(await sql`SELECT rev FROM manifests WHERE rev = 2`).toEqual([]);
      const wanted = { root: followedFirst.heard.at(-1)?.root ?? "" };
      const reader = { node, acceptsGzip: false };
      const pulled = await publisher.snapshot(tenant, wanted, reader);
      expect(pulled?.version.rev, "what was published can still be pulled").toBe(1);
      for (const row of lost) {
        await sql`INSERT INTO balancers SELECT * FROM jsonb_populate_record(NULL::balancers, ${String(row["whole"])}::text::jsonb)`;
      }
      await eventually(() => publisher.desired(tenant)?.rev === 2);
    },
  );

  test("is what the database has once its epoch was raised, however little that is", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql, { doorbell: false });
    const publisher = started({ database, doorbell: false });
    const { heard } = await followed(publisher, tenant);
    await tenant.commit({ bal_a: { name: "a" }, bal_b: { name: "b" } });
    await eventually(() => heard.at(-1)?.rev === 1);
    await sql`DELETE FROM balancers WHERE tenant_id = ${tenant.tenantId} AND id = 'bal_a'`;
    await sql`UPDATE control_state SET epoch = 2`;
    await eventually(() => heard.at(-1)?.epoch === 2);
  });

  test("is never a body that is not what its hash says", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql, { doorbell: false });
    const log = recordedLog();
    const publisher = started({ database, log, doorbell: false });
    await tenant.commit({ bal_a: { name: "a" } });
    await sql`UPDATE bodies SET body = '{"name":"evil"}' WHERE tenant_id = ${tenant.tenantId}`;
    await followed(publisher, tenant);
    expect(publisher.desired(tenant)).toBeUndefined();
    expect(log.lines.map(({ event }) => event)).toContain("publish.failed");
    const asked = { have: null, whole: false };
    expect(await publisher.prepare(tenant, node, asked)).toEqual({ kind: "unavailable" });
  });

  test("never goes back within an epoch, and does under a new one", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const publisher = started({ database });
    const { heard } = await followed(publisher, tenant);
    await tenant.commit({ bal_a: { name: "a" } });
    await tenant.commit({ bal_a: { name: "b" } });
    await eventually(() => heard.at(-1)?.rev === 2);
    await sql`UPDATE groups SET rev = 1 WHERE tenant_id = ${tenant.tenantId}`;
    await sql`SELECT pg_notify('midstream', ${tenant.tenantId})`;
    await sql`UPDATE control_state SET epoch = 2`;
    await eventually(() => heard.at(-1)?.epoch === 2);
    const revs = heard.filter(({ epoch }) => epoch === 1).map(({ rev }) => rev);
    expect(revs).toEqual([...new Set(revs)].toSorted((left, right) => left - right));
    expect(heard.at(-1)).toMatchObject({ epoch: 2, rev: 1 });
  });
});

describe("messages", () => {
  test("are a signed difference from what the node has, the same bytes for every node", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const publisher = started({ database });
    const { heard } = await followed(publisher, tenant);
    await tenant.commit({ bal_a: { name: "a" }, bal_b: { name: "b" } });
    await eventually(() => heard.at(-1)?.rev === 1);
    const have = publisher.desired(tenant) ?? null;
    await tenant.commit({ bal_b: null, bal_c: { name: "c" } });
    await eventually(() => heard.at(-1)?.rev === 2);

    const asked = { have, whole: false };
    const config = await publisher.prepare(tenant, node, asked);
    expect(frameOf(config)).toMatchObject({
      t: "delta",
      base: have,
      to: publisher.desired(tenant),
      up: [{ kind: "balancer", id: "bal_c", body: { name: "c" } }],
      del: [{ kind: "balancer", id: "bal_b" }],
    });
    const again = await publisher.prepare(tenant, { ...node, nodeId: anyId("nod") }, asked);
    expect(again).toBe(config);
  });

  test("start from a manifest that another instance published", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const first = started({ database });
    await followed(first, tenant);
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => first.desired(tenant)?.rev === 1);
    const have = first.desired(tenant) ?? null;
    await first.stop();
    await tenant.commit({ bal_b: { name: "b" } });

    const second = started({ database });
    await followed(second, tenant);
    const frame = frameOf(await second.prepare(tenant, node, { have, whole: false }));
    expect(frame).toMatchObject({ t: "delta", up: [{ id: "bal_b" }] });
    const stranger = { epoch: 1, rev: 1, root: "f".repeat(64) };
    const other = await second.prepare(tenant, node, { have: stranger, whole: false });
    expect(frameOf(other).t).toBe("ref");
    const whole = await second.prepare(tenant, node, { have, whole: true });
    expect(frameOf(whole).t, "asked for").toBe("ref");
    const current = second.desired(tenant) ?? null;
    const nothing = await second.prepare(tenant, node, { have: current, whole: false });
    expect(nothing).toEqual({ kind: "nothing" });
  });

  test("seal a body's secrets for the node that gets them, and for no other", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const secret = anyId("sec");
    const sealed = {
      ephemeral: "e",
      nonce: "n",
      box: "b",
      signature: { keyId: "0".repeat(16), value: "A".repeat(86) },
    };
    const asked: string[] = [];
    const publisher = started({
      database,
      sealForNode: (tenantId, recipient, ids) => {
        asked.push(`${tenantId} ${recipient.nodeId} ${ids.join()}`);
        return Promise.resolve(Object.fromEntries(ids.map((id) => [id, sealed])));
      },
    });
    await tenant.commit({ bal_a: { discovery: { kind: "consul", aclToken: { secret } } } });
    await followed(publisher, tenant);
    const other = { ...node, nodeId: anyId("nod") };
    for (const recipient of [node, other]) {
      const config = await publisher.prepare(tenant, recipient, { have: null, whole: false });
      expect(frameOf(config)).toMatchObject({ t: "delta", secrets: { [secret]: sealed } });
    }
    expect(asked).toEqual([
      `${tenant.tenantId} ${node.nodeId} ${secret}`,
      `${tenant.tenantId} ${other.nodeId} ${secret}`,
    ]);
    const root = publisher.desired(tenant)?.root ?? "";
    const reader = { node, acceptsGzip: true };
    const answer = await publisher.snapshot(tenant, { root }, reader);
    const text = gunzipSync(Buffer.concat(answer?.pieces ?? [])).toString("utf8");
    expect(JSON.parse(text)).toMatchObject({ secrets: { [secret]: sealed } });
  });

  test("are unavailable, not an error, when a secret cannot be sealed", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const aclToken = { secret: anyId("sec") };
    await tenant.commit({ bal_a: { discovery: { kind: "consul", aclToken } } });
    const publisher = started({ database });
    await followed(publisher, tenant);
    const asked = { have: null, whole: false };
    expect(await publisher.prepare(tenant, node, asked)).toEqual({ kind: "unavailable" });
  });
});

describe("snapshots", () => {
  test("are what their signature and root say, compressed or not", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    const publisher = started({ database });
    const balancers = Object.fromEntries(
      Array.from({ length: 450 }, (_, index) => [`bal_${index}`, { name: `ü-${index}` }]),
    );
    await tenant.commit(balancers);
    await followed(publisher, tenant);
    const frame = frameOf(await publisher.prepare(tenant, node, { have: null, whole: false }));
    expect(frame.t).toBe("ref");
    const root = publisher.desired(tenant)?.root ?? "";
    for (const acceptsGzip of [true, false]) {
      const answer = await publisher.snapshot(tenant, { root }, { node, acceptsGzip });
      const bytes = Buffer.concat(answer?.pieces ?? []);
      expect(answer?.encoding).toBe(acceptsGzip ? "gzip" : "identity");
      const text = Buffer.from(acceptsGzip ? gunzipSync(bytes) : bytes).toString("utf8");
      const snapshot = snapshotSchema.parse(JSON.parse(text));
      expect(snapshot.entries).toHaveLength(450);
      const expected = { tenant: tenant.tenantId, group: tenant.groupId, trusted };
      expect(refusalOf(snapshot, expected)).toBeUndefined();
    }
  });

  test("of earlier revisions can still be had, those of others and unknown ones cannot", async () => {
    const { database, sql } = await freshDatabase();
    const [tenant, stranger] = [await tenantRows(sql), await tenantRows(sql)];
    const publisher = started({ database });
    const { heard } = await followed(publisher, tenant);
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => heard.at(-1)?.rev === 1);
    const old = publisher.desired(tenant);
    await tenant.commit({ bal_a: { name: "b" } });
    await eventually(() => heard.at(-1)?.rev === 2);
    const reader = { node, acceptsGzip: false };
    const root = old?.root ?? "";
    await eventually(async () => {
      const answer = await publisher.snapshot(tenant, { root }, reader);
      expect(answer?.version).toEqual(old);
    });
    const at = { epoch: 1, rev: 2 };
    expect(await publisher.snapshot(tenant, { root, at }, reader)).toBeUndefined();
    expect(await publisher.snapshot(stranger, { root }, reader)).toBeUndefined();
  });

  test("can be had of an instance that does not follow the group", async () => {
    const { database, sql } = await freshDatabase();
    const tenant = await tenantRows(sql);
    await tenant.commit({ bal_a: { name: "a" } });
    const [follower, other] = [started({ database }), started({ database })];
    const { watch } = await followed(follower, tenant);
    const version = follower.desired(tenant);
    watch.stop();
    await sql`DELETE FROM manifests`;
    const wanted = { root: version?.root ?? "" };
    const answer = await other.snapshot(tenant, wanted, { node, acceptsGzip: false });
    expect(answer?.version).toEqual(version);
  });
});

test("only the newest manifests of a group are kept", async () => {
  const { database, sql } = await freshDatabase();
  const tenant = await tenantRows(sql);
  const publisher = started({ database });
  const { heard } = await followed(publisher, tenant);
  const last = manifestsPerGroupKept + 2 * manifestsPruneSlack;
  for (let rev = 1; rev <= last; rev += 1) {
    await tenant.commit({ bal_a: { rev } });
    await eventually(() => heard.at(-1)?.rev === rev, { everyMs: 1 });
  }
  await publisher.stop();
  const rows = await sql<{ rev: string }[]>`SELECT rev FROM manifests ORDER BY rev DESC`;
  expect(rows.length).toBeLessThanOrEqual(manifestsPerGroupKept + manifestsPruneSlack);
  expect(rows.length).toBeGreaterThanOrEqual(manifestsPerGroupKept);
  expect(Number(rows[0]?.rev)).toBe(last);
});

test("while Postgres is away what was published stays, and changes are found afterwards", async () => {
  const { database, sql } = await freshDatabase();
  const tenant = await tenantRows(sql);
  const log = recordedLog();
  const gate = { open: true };
  const away = () => Promise.reject(new Error("away"));
  const publisher = started({
    database: {
      ...database,
      asTenant: (tenantId, run) => (gate.open ? database.asTenant(tenantId, run) : away()),
      asSystem: (run) => (gate.open ? database.asSystem(run) : away()),
    },
    log,
  });
  const { heard } = await followed(publisher, tenant);
  gate.open = false;
  await tenant.commit({ bal_a: { name: "a" } });
  await eventually(() => log.lines.some(({ event }) => event === "publish.failed"));
  expect(publisher.desired(tenant)?.rev).toBe(0);
  gate.open = true;
  await eventually(() => heard.at(-1)?.rev === 1);
  await eventually(() => log.lines.some(({ event }) => event === "publish.recovered"));
});
