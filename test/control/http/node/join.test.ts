import { describe, expect, onTestFinished, test } from "vitest";

import { joinBurstMax, nodesPerTenantMax, problemsBytesMax } from "#shared/base/limits.ts";
import { joinResponseSchema } from "#shared/wire/join.ts";
import { agentPaths } from "#shared/wire/protocol.ts";

import { newJoinRequest } from "../../../support/join-request.ts";
import { nodeControl } from "../../../support/node-control.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { tenantRows, type TenantRows } from "../../../support/tenant-rows.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

async function world() {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const control = await nodeControl(onTestFinished, db);
  const post = async (body: unknown): Promise<Answer> => {
    const response = await fetch(new URL(agentPaths.join, control.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Answer["body"];
    return { status: response.status, headers: response.headers, body: answer };
  };
  return { db, control, tenant: await tenantRows(db.sql), post };
}

describe("joining", () => {
  test("makes a node with the keys that were sent, and leaves a line in the audit", async () => {
    const { db, control, tenant, post } = await world();
    const request = newJoinRequest(await tenant.joinToken());
    const labels = { zone: "a\u0000" };
    const { status, body } = await post({ ...request, hostname: "web-\u00001", labels });
    expect(status).toBe(201);
    const answer = joinResponseSchema.parse(body);
    expect(answer).toMatchObject({ tenant: tenant.tenantId, group: tenant.groupId, epoch: 1 });
    expect(answer.signingKeys).toEqual([...control.trusted.values()]);
    const [node] = await db.sql`SELECT * FROM nodes WHERE id = ${answer.node}`;
    expect(node).toMatchObject({
      ...{ tenant_id: tenant.tenantId, group_id: tenant.groupId, hostname: "web-1" },
      ...{ signing_key: request.signingKey, receiving_key: request.receivingKey },
      ...{ labels: { zone: "a" }, generation: "0", revoked_at: null },
    });
    const [line] = await db.sql`SELECT action, target FROM audit`;
    expect(line).toEqual({ action: "node.join", target: answer.node });
  });

  test("with many wrong labels is refused with an answer of bounded size", async () => {
    const { tenant, post } = await world();
    const labels = Object.fromEntries(
      Array.from({ length: 8_000 }, (_, index) => [`label-${index}`, 1]),
    );
    const answer = await post({ ...newJoinRequest(await tenant.joinToken()), labels });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: "http/invalid" });
    expect(JSON.stringify(answer.body).length).toBeLessThanOrEqual(problemsBytesMax + 1_024);
  });

  test.each(["\u0000", "zo\u0000ne", "\ud800", "b\udc00"])(
    "a label's key that cannot be stored (%j) is refused, with its place",
    async (key) => {
      const { db, tenant, post } = await world();
      const labels = { zone: "a", [key]: "b" };
      const answer = await post({ ...newJoinRequest(await tenant.joinToken()), labels });
      expect(answer.status).toBe(422);
      expect(answer.body["errors"]).toEqual([
        {
          pointer: `/labels/${key}`,
          code: "invalid-format",
          detail: "holds U+0000, or half of a surrogate pair",
        },
      ]);
      expect(await db.sql`SELECT id FROM nodes`).toHaveLength(0);
    },
  );

  test("a one-use token makes exactly one node, although 200 redeem it at the same time", async () => {
    const { db, tenant, post } = await world();
    const token = await tenant.joinToken();
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => post(newJoinRequest(token))),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 401);
    expect(refused).toHaveLength(199);
    expect(new Set(refused.map(({ body }) => body["code"]))).toEqual(
      new Set(["http/join-token-used"]),
    );
    const [count] = await db.sql`SELECT count(*)::int AS n FROM nodes`;
    expect(count).toEqual({ n: 1 });
    const [left] = await db.sql`SELECT uses_left FROM join_tokens`;
    expect(left).toEqual({ uses_left: 0 });
  });

  test("a token of several uses makes as many nodes", async () => {
    const { db, tenant, post } = await world();
    const token = await tenant.joinToken({ uses: 5 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(newJoinRequest(token))),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    const nodes = await db.sql`SELECT id FROM nodes`;
    expect(nodes).toHaveLength(5);
  });

  test("an unknown, expired, revoked or used token says which it is", async () => {
    const { db, tenant, post } = await world();
    const codeOf = async (token: string): Promise<unknown> => {
      const { status, body, headers } = await post(newJoinRequest(token));
      expect(status).toBe(401);
      expect(headers.get("content-type")).toMatch(/problem\+json/);
      return body["code"];
    };
    expect(await codeOf("msj_nobody_made_this")).toBe("http/join-token-unknown");
    expect(await codeOf(await tenant.joinToken({ ttlMs: -1 }))).toBe("http/join-token-expired");
    expect(await codeOf(await tenant.joinToken({ uses: 0 }))).toBe("http/join-token-used");
    const revoked = await tenant.joinToken();
    await db.sql`UPDATE join_tokens SET revoked_at = now()`;
    expect(await codeOf(revoked)).toBe("http/join-token-revoked");
    const nodes = await db.sql`SELECT id FROM nodes`;
    expect(nodes).toHaveLength(0);
  });

  test("needs the proof of the signing key, and uses no token without it", async () => {
    const { db, tenant, post } = await world();
    const token = await tenant.joinToken();
    const [request, other] = [newJoinRequest(token), newJoinRequest(token)];
    for (const wrong of [
      { ...request, proof: other.proof },
      { ...request, receivingKey: other.receivingKey },
      { ...request, signingKey: "A".repeat(43) },
    ]) {
      expect(await post(wrong)).toMatchObject({
        status: 401,
        body: { code: "http/join-proof-wrong" },
      });
    }
    const [left] = await db.sql`SELECT uses_left FROM join_tokens`;
    expect(left).toEqual({ uses_left: 1 });
    expect((await post(request)).status).toBe(201);
  });

  test("names everything that is wrong with a request at once", async () => {
    const { post } = await world();
    const { status, body } = await post({ token: "", signingKey: "x", hostname: 7, agent: "a" });
    expect(status).toBe(422);
    const errors = body["errors"] as readonly { readonly pointer: string }[];
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/hostname",
      "/proof",
      "/receivingKey",
      "/signingKey",
      "/token",
    ]);
  });

  test("the same keys with the same token are the same node, although the token is used up", async () => {
    const { db, tenant, post } = await world();
    const request = newJoinRequest(await tenant.joinToken());
    const first = await post(request);
    expect(first.status).toBe(201);
    const again = await post({ ...request, hostname: "renamed" });
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(await db.sql`SELECT hostname FROM nodes`).toEqual([{ hostname: request.hostname }]);
    expect(await db.sql`SELECT action FROM audit`).toHaveLength(1);
  });

  test("200 repetitions of one join at the same time make one node and take one use", async () => {
    const { db, tenant, post } = await world();
    const request = newJoinRequest(await tenant.joinToken({ uses: 5 }));
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(request)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(199);
    expect(new Set(answers.map(({ body }) => body["node"])).size).toBe(1);
    expect(await db.sql`SELECT id FROM nodes`).toHaveLength(1);
    expect(await db.sql`SELECT uses_left FROM join_tokens`).toEqual([{ uses_left: 4 }]);
  });

  test("a join is not repeated for other keys, past the token's time, or for a retired node", async () => {
    const { db, tenant, post } = await world();
    const token = await tenant.joinToken();
    const request = newJoinRequest(token);
    await post(request);
    const codeOf = async (body: unknown): Promise<unknown> => (await post(body)).body["code"];
    expect(await codeOf(newJoinRequest(token))).toBe("http/join-token-used");
    await db.sql`UPDATE nodes SET revoked_at = now()`;
    expect(await codeOf(request)).toBe("http/join-token-used");
    await db.sql`UPDATE nodes SET revoked_at = NULL`;
    await db.sql`UPDATE join_tokens SET expires_at = now()`;
    expect(await codeOf(request)).toBe("http/join-token-expired");
    await db.sql`UPDATE join_tokens SET revoked_at = now()`;
    expect(await codeOf(request)).toBe("http/join-token-revoked");
  });

  /** As many nodes as this. */
  async function filled(db: TestDatabase, tenant: TenantRows, count: number): Promise<void> {
    await db.sql`
      INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent)
      SELECT ${tenant.tenantId}, 'nod_' || n, ${tenant.groupId}, 'h', 'k', 'k', 'a'
      FROM generate_series(1, ${count}::int) AS n`;
  }

  test("with room for one node, of 200 hosts with tokens of their own exactly one joins", async () => {
    const { db, tenant, post } = await world();
    await filled(db, tenant, nodesPerTenantMax - 1);
    const tokens = await Promise.all(Array.from({ length: 200 }, () => tenant.joinToken()));
    const answers = await Promise.all(tokens.map((token) => post(newJoinRequest(token))));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(199);
    expect(new Set(refused.map(({ body }) => body["code"]))).toEqual(
      new Set(["http/node-limit-reached"]),
    );
    expect(await db.sql`SELECT count(*)::int AS n FROM nodes`).toEqual([{ n: nodesPerTenantMax }]);
    const [left] = await db.sql`SELECT sum(uses_left)::int AS n FROM join_tokens`;
    expect(left).toEqual({ n: 199 });
  });

  test("a tenant has a bounded number of nodes; its token keeps its use", async () => {
    const { db, tenant, post } = await world();
    await filled(db, tenant, nodesPerTenantMax);
    const answer = await post(newJoinRequest(await tenant.joinToken()));
    expect(answer).toMatchObject({ status: 409, body: { code: "http/node-limit-reached" } });
    const [left] = await db.sql`SELECT uses_left FROM join_tokens`;
    expect(left).toEqual({ uses_left: 1 });
  });

  test("too many attempts of one address are 429", async () => {
    const { post } = await world();
    const answers = await Promise.all(Array.from({ length: joinBurstMax + 30 }, () => post({})));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});
