import { expect, onTestFinished, test } from "vitest";

import { agentPaths } from "#shared/wire/protocol.ts";

import { nodeControl } from "../../../support/node-control.ts";
import { testDatabase } from "../../../support/postgres.ts";
import { joinSimulated, SimulatedNode } from "../../../support/simulated-node.ts";
import { tenantRows } from "../../../support/tenant-rows.ts";

async function world() {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const control = await nodeControl(onTestFinished, db);
  const tenant = await tenantRows(db.sql);
  const nodeOf = async () => {
    const identity = await joinSimulated(control.url, await tenant.joinToken());
    const node = new SimulatedNode({ identity, url: control.url });
    onTestFinished(() => node.drop());
    return { node, identity };
  };
  return { db, control, tenant, nodeOf };
}

const asked = (node: SimulatedNode, url: string, header?: string): Promise<Response> =>
  fetch(new URL(agentPaths.leave, url), {
    method: "POST",
    headers: { authorization: header ?? node.authorization("POST", agentPaths.leave) },
  });

test("a node retires itself: its link is closed, its keys are refused, and one line says who did it", async () => {
  const { db, control, tenant, nodeOf } = await world();
  const { node, identity } = await nodeOf();
  const { node: other } = await nodeOf();
  await node.connect();
  await other.connect();
  expect((await asked(node, control.url)).status).toBe(204);

  expect(await node.closed).toMatchObject({ code: 4403 });
  const [row] = await db.sql`SELECT revoked_at FROM nodes WHERE id = ${identity.node}`;
  expect(row?.["revoked_at"]).not.toBeNull();
  expect((await node.get(`${agentPaths.snapshots}${"0".repeat(64)}`)).status).toBe(403);
  expect((await other.get(`${agentPaths.snapshots}${"0".repeat(64)}`)).status, "others stay").toBe(
    404,
  );

  expect((await asked(node, control.url)).status, "the answer may have got lost").toBe(204);
  const lines =
    await db.sql`SELECT tenant_id, actor, action, target FROM audit WHERE action <> 'node.join'`;
  expect([...lines]).toEqual([
    {
      tenant_id: tenant.tenantId,
      actor: identity.node,
      action: "node.leave",
      target: identity.node,
    },
  ]);
});

test("nobody retires a node without its signature for exactly this call", async () => {
  const { db, control, nodeOf } = await world();
  const { node, identity } = await nodeOf();
  const { node: other } = await nodeOf();
  const elsewhere = node.authorization("POST", agentPaths.join);
  const stranger = other
    .authorization("POST", agentPaths.leave)
    .replace(/node=[^,]+/, `node=${identity.node}`);
  for (const header of ["", elsewhere, stranger]) {
    expect((await asked(node, control.url, header)).status).toBe(401);
  }
  const [row] = await db.sql`SELECT count(*)::int AS n FROM nodes WHERE revoked_at IS NOT NULL`;
  expect(row).toEqual({ n: 0 });
});
