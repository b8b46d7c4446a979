import { describe, expect, onTestFinished, test } from "vitest";

import { clockSkewMsMax } from "#shared/base/limits.ts";
import { privateKeyOf } from "#shared/snapshot/keys.ts";
import { openSealed } from "#shared/snapshot/sealed.ts";
import { refusalOf } from "#shared/snapshot/snapshot.ts";
import { agentPaths } from "#shared/wire/protocol.ts";

import { secretContext } from "../../../../control/certificates/secret-context.ts";
import { eventually } from "../../../support/eventually.ts";
import { nodeControl } from "../../../support/node-control.ts";
import { testDatabase } from "../../../support/postgres.ts";
import { joinSimulated, SimulatedNode } from "../../../support/simulated-node.ts";
import { anyId, tenantRows, type TenantRows } from "../../../support/tenant-rows.ts";

async function world() {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const control = await nodeControl(onTestFinished, db);
  const nodeOf = async (tenant: TenantRows) => {
    const identity = await joinSimulated(control.url, await tenant.joinToken());
    const node = new SimulatedNode({ identity, url: control.url });
    onTestFinished(() => node.drop());
    return { node, identity };
  };
  return { db, control, tenant: await tenantRows(db.sql), nodeOf };
}

describe("a node pulls a snapshot", () => {
  test("of its group: verified, compressed when it likes, with a tag", async () => {
    const { control, tenant, nodeOf } = await world();
    await tenant.commit({ bal_a: { name: "a" } });
    const { node, identity } = await nodeOf(tenant);
    await node.connect();
    await eventually(() => node.running?.rev === 1);
    const path = `${agentPaths.snapshots}${node.running?.root}`;
    const snapshot = await node.pulled(path);
    const { tenantId, groupId } = tenant;
    const expected = { tenant: tenantId, group: groupId, trusted: control.trusted };
    expect(refusalOf(snapshot, expected)).toBeUndefined();
    expect(snapshot.entries.map(({ body }) => body)).toEqual([{ name: "a" }]);
    expect(identity.group).toBe(groupId);

    const plain = await node.get(path, { "accept-encoding": "identity" });
    expect(plain.headers.get("content-encoding")).toBeNull();
    const packed = await node.get(path, { "accept-encoding": "gzip" });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(await packed.json()).toEqual(await plain.json());
    const etag = packed.headers.get("etag") ?? "";
    expect((await node.get(path, { "if-none-match": etag })).status).toBe(304);
  });

  test("of exactly the revision that it names", async () => {
    const { tenant, nodeOf } = await world();
    const { node } = await nodeOf(tenant);
    await node.connect();
    await tenant.commit({ bal_a: { name: "a" } });
    await eventually(() => node.running?.rev === 1);
    const { root } = node.running ?? { root: "" };
    await tenant.commit({});
    await eventually(() => node.running?.rev === 2);
    expect(node.running?.root, "nothing changed").toBe(root);
    const pulled = async (query: string) => {
      const response = await node.get(`${agentPaths.snapshots}${root}${query}`);
      return response.status === 200 ? ((await response.json()) as { version: object }) : undefined;
    };
    await eventually(async () => {
      expect((await pulled("?epoch=1&rev=1"))?.version).toMatchObject({ rev: 1 });
    });
    expect((await pulled("?epoch=1&rev=2"))?.version).toMatchObject({ rev: 2 });
    expect((await pulled(""))?.version, "the newest").toMatchObject({ rev: 2 });
    expect(await pulled("?epoch=1&rev=9")).toBeUndefined();
    expect((await pulled("?epoch=9999999999&rev=x"))?.version).toMatchObject({ rev: 2 });
  });

  test("with its secrets, which no other node can open", async () => {
    const { db, control, tenant, nodeOf } = await world();
    const secretId = anyId("sec");
    const sealed = await control.sealer.seal("geheim", secretContext(tenant.tenantId, secretId));
    await db.sql`
      INSERT INTO secrets ${db.sql({ tenant_id: tenant.tenantId, id: secretId, sealed })}`;
    const discovery = { kind: "consul", aclToken: { secret: secretId } };
    await tenant.commit({ bal_a: { name: "a", discovery } });
    const [one, other] = [await nodeOf(tenant), await nodeOf(tenant)];
    await one.node.connect();
    await eventually(() => one.node.running?.rev === 1);
    const path = `${agentPaths.snapshots}${one.node.running?.root}`;
    for (const box of [
      one.node.secrets[secretId],
      (await one.node.pulled(path)).secrets[secretId],
    ]) {
      if (box === undefined) throw new Error("no secret came");
      const target = { node: one.identity.node, secret: secretId };
      const opened = [one, other].map(({ identity }) =>
        openSealed(
          {
            privateKey: privateKeyOf(identity.receiving.privateKey),
            publicKey: identity.receiving.publicKey,
          },
          target,
          box,
        ),
      );
      expect(opened).toEqual(["geheim", undefined]);
    }
  });
});

describe("a snapshot is not given", () => {
  test("to a node of another group or tenant: 404, as if it were not there", async () => {
    const { db, tenant, nodeOf } = await world();
    await tenant.commit({ bal_a: { name: "a" } });
    const { node } = await nodeOf(tenant);
    await node.connect();
    await eventually(() => node.running?.rev === 1);
    const stranger = await nodeOf(await tenantRows(db.sql));
    const path = `${agentPaths.snapshots}${node.running?.root}`;
    expect((await stranger.node.get(path)).status).toBe(404);
    expect((await node.get(`${agentPaths.snapshots}${"0".repeat(64)}`)).status).toBe(404);
    expect((await node.get(`${agentPaths.snapshots}nonsense`)).status).toBe(404);
  });

  test("without the node's signature, with an old one, or to a retired node", async () => {
    const { db, control, tenant, nodeOf } = await world();
    const { node } = await nodeOf(tenant);
    const path = `${agentPaths.snapshots}${"0".repeat(64)}`;
    const codeOf = async (response: Response): Promise<unknown> => {
      const { code } = (await response.json()) as { readonly code: string };
      return [response.status, code];
    };
    expect(await codeOf(await fetch(new URL(path, control.url)))).toEqual([
      401,
      "http/node-unauthenticated",
    ]);
    const foreign = { authorization: node.authorization("GET", `${path}x`) };
    expect(await codeOf(await fetch(new URL(path, control.url), { headers: foreign }))).toEqual([
      401,
      "http/node-unauthorized",
    ]);
    node.clockOffsetMs = 2 * clockSkewMsMax;
    const skewed = await node.get(path);
    expect(Number(skewed.headers.get("midstream-time-ms"))).toBeGreaterThan(0);
    expect(await codeOf(skewed)).toEqual([401, "http/node-clock-skew"]);
    node.clockOffsetMs = 0;
    node.generation = 4;
    await node.connect();
    node.generation = 1;
    expect(await codeOf(await node.get(path))).toEqual([409, "http/node-replaced"]);
    await db.sql`UPDATE nodes SET revoked_at = now()`;
    expect(await codeOf(await node.get(path))).toEqual([403, "http/node-retired"]);
  });
});
