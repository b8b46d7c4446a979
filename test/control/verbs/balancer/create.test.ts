import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { requiredCapabilities } from "#shared/definition/capability.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import { createBalancer } from "../../../../control/verbs/balancer/create.ts";
import { getBalancer } from "../../../../control/verbs/balancer/get.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
import { insertNode, newActor, verbDeps } from "../../../support/actors.ts";
import { balancerInput } from "../../../support/balancers.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { otherTestCertificate, testCertificate } from "../../../support/test-certificates.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

function create(actor: Actor, definition: unknown, dryRun = false) {
  return createBalancer(deps, actor, { definition, dryRun });
}

async function created(actor: Actor, definition: unknown) {
  const outcome = await create(actor, definition);
  if (outcome.kind !== "created") throw new Error(JSON.stringify(outcome));
  return outcome;
}

/** What the tenant has stored, counted. */
async function rowsOf(actor: Actor) {
  const [row] = await db.sql`
    SELECT (SELECT rev FROM tenants WHERE id = ${actor.tenantId})::int AS rev,
      (SELECT count(*) FROM balancers WHERE tenant_id = ${actor.tenantId})::int AS balancers,
      (SELECT count(*) FROM bodies WHERE tenant_id = ${actor.tenantId})::int AS bodies,
      (SELECT count(*) FROM revisions WHERE tenant_id = ${actor.tenantId})::int AS revisions,
      (SELECT count(*) FROM secrets WHERE tenant_id = ${actor.tenantId})::int AS secrets,
      (SELECT count(*) FROM audit WHERE tenant_id = ${actor.tenantId} AND action = 'balancer.create')::int AS audit,
      (SELECT count(*) FROM idempotency WHERE tenant_id = ${actor.tenantId})::int AS answers`;
  return row;
}

const nothing = { rev: 0, balancers: 0, bodies: 0, revisions: 0, secrets: 0, audit: 0, answers: 0 };

describe("a new balancer", () => {
  test("is one revision with its body, its audit row and its group raised to it", async () => {
    const actor = await newActor(db);
    const outcome = await created(actor, balancerInput());
    expect(outcome).toMatchObject({
      revision: 1,
      dryRun: false,
      balancer: { rev: 1, revCreated: 1 },
    });
    expect(outcome.balancer.definition).toMatchObject({ name: "web", group: "default", schema: 1 });
    expect(await rowsOf(actor)).toEqual({
      ...nothing,
      rev: 1,
      balancers: 1,
      bodies: 1,
      revisions: 1,
      audit: 1,
    });
    const [group] = await db.sql`SELECT rev::int FROM groups WHERE tenant_id = ${actor.tenantId}`;
    expect(group?.["rev"]).toBe(1);
    const [body] = await db.sql`SELECT hash, body FROM bodies WHERE tenant_id = ${actor.tenantId}`;
    expect(body?.["hash"]).toBe(outcome.balancer.hash);
    const [audit] = await db.sql`
      SELECT * FROM audit WHERE tenant_id = ${actor.tenantId} AND action = 'balancer.create'`;
    expect(audit).toMatchObject({
      actor: actor.keyId,
      target: outcome.balancer.id,
      before_hash: null,
      after_hash: outcome.balancer.hash,
      request_id: "req_test",
      address: "127.0.0.1",
    });
  });

  test("rings the doorbell with the tenant's id, once it is committed", async () => {
    const actor = await newActor(db);
    const heard: string[] = [];
    const ready = Promise.withResolvers<void>();
    const rung = Promise.withResolvers<void>();
    const listening = await db.database.listen("midstream", {
      onPayload: (payload) => {
        heard.push(payload);
        if (payload === actor.tenantId) rung.resolve();
      },
      onListen: () => ready.resolve(),
    });
    await ready.promise;
    await create(actor, balancerInput({ name: "dry" }), true);
    await created(actor, balancerInput());
    await rung.promise;
    await listening.stop();
    expect(heard.filter((payload) => payload === actor.tenantId)).toHaveLength(1);
  });

  test("can be read by its tenant, and by nobody else", async () => {
    const [owner, stranger] = [await newActor(db), await newActor(db)];
    const { balancer } = await created(owner, balancerInput());
    expect(await getBalancer(deps, owner, { id: balancer.id })).toEqual({
      kind: "found",
      balancer,
    });
    expect(await getBalancer(deps, stranger, { id: balancer.id })).toEqual({ kind: "not-found" });
  });

  test("needs the scope write", async () => {
    const actor = await newActor(db);
    const reader = { ...actor, scopes: new Set(["read"] as const) };
    await expect(create(reader, balancerInput())).rejects.toMatchObject({
      code: "verbs/missing-scope",
    });
    expect(await rowsOf(actor)).toEqual(nothing);
  });
});

describe("what is refused stores nothing:", () => {
  test("a body with problems, all at once with their pointers", async () => {
    const actor = await newActor(db);
    const definition = { ...balancerInput(), bind: ["nonsense"], strategy: "fastest", extra: 1 };
    const outcome = await create(actor, definition);
    const pointers = outcome.kind === "invalid" ? outcome.problems.map((p) => p.pointer) : outcome;
    expect(pointers).toEqual(expect.arrayContaining(["/bind/0", "/strategy", "/extra"]));
    expect(await rowsOf(actor)).toEqual(nothing);
  });

  test("X-TLS-13 authorities that cannot be read, and a certificate with another one's key", async () => {
    const actor = await newActor(db);
    const pem = { certificate: testCertificate.cert, key: otherTestCertificate.key };
    const codesOf = async (backendTls: object): Promise<unknown> => {
      const outcome = await create(actor, { ...balancerInput(), backendTls });
      if (outcome.kind !== "invalid") return outcome;
      return outcome.problems.map(({ pointer, code }) => `${pointer} ${code}`);
    };
    expect(await codesOf({ rootCa: { pem: "none" } })).toEqual([
      "/backendTls/rootCa/pem invalid-pem",
    ]);
    expect(await codesOf({ clientCertificate: { pem } })).toEqual([
      "/backendTls/clientCertificate/pem/key key-mismatch",
    ]);
    expect(await rowsOf(actor)).toEqual(nothing);
  });

  test("a group that is not there", async () => {
    const actor = await newActor(db);
    expect(await create(actor, balancerInput({ group: "edge" }))).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/group", code: "unknown-value" }],
    });
    expect(await rowsOf(actor)).toEqual(nothing);
  });

  test("a name that is taken, in whatever group", async () => {
    const actor = await newActor(db);
    await createGroup(deps, actor, { name: "edge" });
    await created(actor, balancerInput());
    const second = balancerInput({ group: "edge", bind: ["127.0.0.1:9001"] });
    expect(await create(actor, second)).toEqual({ kind: "name-taken", name: "web" });
    expect(await rowsOf(actor)).toMatchObject({ rev: 1, balancers: 1, revisions: 1 });
  });

  test("an address that another balancer of the group has; another group may have it", async () => {
    const actor = await newActor(db);
    await createGroup(deps, actor, { name: "edge" });
    await created(actor, balancerInput());
    expect(await create(actor, balancerInput({ name: "other" }))).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/bind/0", code: "conflict" }],
    });
    await created(actor, balancerInput({ name: "other", group: "edge" }));
  });

  test("everything that was only a dry run", async () => {
    const actor = await newActor(db);
    expect(await create(actor, balancerInput(), true)).toMatchObject({
      kind: "created",
      dryRun: true,
      revision: 1,
    });
    expect(await rowsOf(actor)).toEqual(nothing);
  });
});

describe("whether nodes can run it:", () => {
  const plain = checkBalancer(balancerInput());
  const needed = plain.ok ? requiredCapabilities(plain.value).map((one) => one.capability) : [];

  test("a group without nodes accepts, and says that nobody could be asked", async () => {
    const outcome = await created(await newActor(db), balancerInput());
    expect(outcome.warnings).toMatchObject([{ pointer: "/group", code: "no-nodes" }]);
  });

  test("nodes that were never heard count as nobody", async () => {
    const actor = await newActor(db);
    await insertNode(db, actor, []);
    const outcome = await created(actor, balancerInput());
    expect(outcome.warnings).toMatchObject([{ code: "no-nodes" }]);
  });

  test("a node that can run it makes it right, without a warning", async () => {
    const actor = await newActor(db);
    await insertNode(db, actor, needed);
    expect((await created(actor, balancerInput())).warnings).toEqual([]);
  });

  test("when none can, it is refused with what is missing and where", async () => {
    const actor = await newActor(db);
    await insertNode(db, actor, needed);
    expect(await create(actor, balancerInput({ strategy: "leastconn" }))).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/strategy", code: "unsupported" }],
    });
    expect(await rowsOf(actor)).toEqual(nothing);
  });

  test("when some cannot, it is accepted with a warning", async () => {
    const actor = await newActor(db);
    await insertNode(db, actor, [...needed, "strategy:leastconn"]);
    await insertNode(db, actor, needed);
    const outcome = await created(actor, balancerInput({ strategy: "leastconn" }));
    expect(outcome.warnings).toMatchObject([{ pointer: "/strategy", code: "unsupported" }]);
  });

  test("a retired node is not asked", async () => {
    const actor = await newActor(db);
    const id = await insertNode(db, actor, needed);
    await db.sql`UPDATE nodes SET revoked_at = now() WHERE id = ${id}`;
    const outcome = await created(actor, balancerInput({ strategy: "leastconn" }));
    expect(outcome.warnings).toMatchObject([{ code: "no-nodes" }]);
  });
});

test("a backend that is listed again, however it is spelled, counts once, and a warning points to it", async () => {
  const backends = [
    "127.0.0.1:80",
    "A.example:80",
    "127.0.0.1:080 weight=3",
    { host: "0:0::1", port: 80 },
    "a.EXAMPLE.:80",
    "[::ffff:127.0.0.1]:80",
    "[::1]:80",
    "127.0.0.1:81",
  ];
  const outcome = await created(
    await newActor(db),
    balancerInput({ discovery: { kind: "static", backends } }),
  );
  const told = outcome.warnings.filter(({ code }) => code === "listed-twice");
  expect(told.map(({ pointer }) => pointer)).toEqual(
    [0, 1, 2, 3].map((index) => `/discovery/backends/${index}`),
  );
  expect(told[2]?.detail).toBe(
    "127.0.0.1:80 is listed again at /discovery/backends/5; it counts once, with what is said there",
  );
});

describe("an idempotency key", () => {
  const idempotency = { key: "order-1", fingerprint: "f1" };

  test("makes two requests one effect with one answer", async () => {
    const actor = { ...(await newActor(db)), idempotency };
    const first = await create(actor, balancerInput());
    const second = await create(actor, balancerInput());
    expect(first.kind).toBe("created");
    expect(second).toEqual(first);
    expect(await rowsOf(actor)).toMatchObject({ rev: 1, balancers: 1, revisions: 1, answers: 1 });
  });

  test("makes 100 requests at the same time one effect with one answer", async () => {
    const actor = { ...(await newActor(db)), idempotency };
    const all = await Promise.all(
      Array.from({ length: 100 }, () => create(actor, balancerInput())),
    );
    expect(new Set(all.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(all[0]?.kind).toBe("created");
    expect(await rowsOf(actor)).toMatchObject({ rev: 1, balancers: 1, revisions: 1, answers: 1 });
  });

  test("with another request is a mistake", async () => {
    const actor = await newActor(db);
    await create({ ...actor, idempotency }, balancerInput());
    const other = { ...actor, idempotency: { ...idempotency, fingerprint: "f2" } };
    expect(await create(other, balancerInput({ name: "other" }))).toEqual({ kind: "mismatch" });
    expect(await rowsOf(actor)).toMatchObject({ balancers: 1 });
  });

  test("of a refused request is free again, of a dry run too", async () => {
    const actor = { ...(await newActor(db)), idempotency };
    expect((await create(actor, { name: "web" })).kind).toBe("invalid");
    expect((await create(actor, balancerInput({ group: "nowhere" }))).kind).toBe("invalid");
    expect((await create(actor, balancerInput(), true)).kind).toBe("created");
    expect(await rowsOf(actor)).toEqual(nothing);
    expect((await create(actor, balancerInput())).kind).toBe("created");
  });

  test("of one tenant is not another's, and after its time it is free", async () => {
    const [one, other] = [await newActor(db), await newActor(db)];
    await created({ ...one, idempotency }, balancerInput());
    await created({ ...other, idempotency }, balancerInput());
    await db.sql`
      UPDATE idempotency SET expires_at = now() - interval '1 second' WHERE tenant_id = ${one.tenantId}`;
    const again = { ...one, idempotency: { ...idempotency, fingerprint: "f2" } };
    await created(again, balancerInput({ name: "second", bind: ["127.0.0.1:9001"] }));
  });
});

describe("a secret", () => {
  const discovery = {
    kind: "consul",
    host: "127.0.0.1:8500",
    serviceName: "web",
    aclToken: "s3cret-token",
  } as const;

  test("is sealed, stored once, and read as a reference", async () => {
    const actor = await newActor(db);
    const { balancer } = await created(actor, balancerInput({ discovery }));
    const shown = JSON.stringify(await getBalancer(deps, actor, { id: balancer.id }));
    expect(shown).not.toContain("s3cret-token");
    expect(balancer.definition.discovery).toMatchObject({
      aclToken: { secret: expect.stringMatching(/^sec_/) as string },
    });
    for (const table of ["balancers", "bodies", "secrets", "revisions", "audit"]) {
      const rows = await db.sql.unsafe(`SELECT t::text AS text FROM ${table} t`);
      expect(JSON.stringify(rows), table).not.toContain("s3cret-token");
    }
    expect(await rowsOf(actor)).toMatchObject({ secrets: 1 });
  });

  test("of another balancer cannot be taken over by its reference", async () => {
    const actor = await newActor(db);
    const { balancer } = await created(actor, balancerInput({ discovery }));
    const taken = {
      ...balancerInput({ name: "thief", bind: ["127.0.0.1:9001"] }),
      discovery: balancer.definition.discovery,
    };
    expect(await create(actor, taken)).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/discovery/aclToken/secret", code: "unknown-value" }],
    });
  });
});
