import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { eventRow, nodeRow } from "../../support/node-rows.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import { anyId } from "../../support/tenant-rows.ts";

interface Events {
  readonly items: readonly { readonly seq: number; readonly detail: string }[];
  readonly nextCursor: string | null;
}

let control: ControlUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

/** Two nodes that told three events each, in turns; those of the first are about a balancer. */
async function told() {
  const { sql } = control.db;
  const tenant = await signUp(control.url);
  const [one, two] = [await nodeRow(sql, tenant.id), await nodeRow(sql, tenant.id)];
  const balancer = anyId("bal");
  for (let n = 0; n < 6; n += 1) {
    const nodeId = n % 2 === 0 ? one : two;
    const about = n % 2 === 0 ? { balancer, backend: "10.0.0.5:80" } : {};
    const at = new Date(Date.UTC(2030, 0, 1) + n);
    await eventRow(
      sql,
      { tenantId: tenant.id, nodeId },
      { kind: "k", at, detail: `${n}`, ...about },
    );
  }
  return { tenant, one, two, balancer };
}

async function details(tenant: TestTenant, path: string): Promise<readonly string[]> {
  const { items } = await tenant.demand<Events>("GET", path);
  return items.map(({ detail }) => detail);
}

describe("GET /v1/events", () => {
  test("has what all nodes told, newest first, and whole", async () => {
    const { tenant, one, balancer } = await told();
    expect(await details(tenant, "/v1/events")).toEqual(["5", "4", "3", "2", "1", "0"]);
    const { items } = await tenant.demand<Events>("GET", "/v1/events?limit=2");
    expect(items[1]).toEqual({
      seq: expect.any(Number),
      at: "2030-01-01T00:00:00.004Z",
      node: one,
      kind: "k",
      balancer,
      backend: "10.0.0.5:80",
      detail: "4",
    });
  });

  test("comes in parts, which miss and repeat nothing while new events come", async () => {
    const { tenant, two } = await told();
    const seen: string[] = [];
    let path: string | null = "/v1/events?limit=2";
    while (path !== null) {
      const { items, nextCursor }: Events = await tenant.demand<Events>("GET", path);
      seen.push(...items.map(({ detail }) => detail));
      await eventRow(control.db.sql, { tenantId: tenant.id, nodeId: two }, { kind: "k" });
      path = nextCursor === null ? null : `/v1/events?limit=2&cursor=${nextCursor}`;
    }
    expect(seen).toEqual(["5", "4", "3", "2", "1", "0"]);
  });

  test("can be of a balancer, of a node, and of both", async () => {
    const { tenant, one, two, balancer } = await told();
    expect(await details(tenant, `/v1/events?balancer=${balancer}`)).toEqual(["4", "2", "0"]);
    expect(await details(tenant, `/v1/events?node=${two}`)).toEqual(["5", "3", "1"]);
    const both = (node: string): string => `/v1/events?balancer=${balancer}&node=${node}`;
    expect(await details(tenant, both(one))).toEqual(["4", "2", "0"]);
    expect(await details(tenant, both(two))).toEqual([]);
    expect(await details(tenant, `/v1/events?balancer=${anyId("bal")}`)).toEqual([]);
  });

  test.for([
    ["balancer", "nod_1"],
    ["node", "web"],
  ] as const)("%s=%s is 400 with its place", async ([name, value]) => {
    const { tenant } = await told();
    const answer = await tenant.call("GET", `/v1/events?${name}=${value}`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: "http/bad-query",
      errors: [{ pointer: `/${name}` }],
    });
  });

  test("shows nothing of other tenants", async () => {
    const { one, balancer } = await told();
    const stranger = await signUp(control.url);
    expect(await details(stranger, "/v1/events")).toEqual([]);
    expect(await details(stranger, `/v1/events?balancer=${balancer}&node=${one}`)).toEqual([]);
    expect((await stranger.call("GET", `/v1/nodes/${one}/events`)).status).toBe(404);
  });
});

describe("GET /v1/nodes/{id}/events", () => {
  test("has what the node told, newest first, in parts", async () => {
    const { tenant, one } = await told();
    const path = `/v1/nodes/${one}/events`;
    expect(await details(tenant, path)).toEqual(["4", "2", "0"]);
    const { nextCursor } = await tenant.demand<Events>("GET", `${path}?limit=2`);
    expect(await details(tenant, `${path}?limit=2&cursor=${nextCursor}`)).toEqual(["0"]);
  });

  test("of a node that is not there is 404", async () => {
    const { tenant } = await told();
    for (const id of [anyId("nod"), "nod_1", anyId("bal")]) {
      expect((await tenant.call("GET", `/v1/nodes/${id}/events`)).status).toBe(404);
    }
  });
});
