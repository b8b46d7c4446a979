import { beforeAll, describe, expect, test } from "vitest";

import { getBalancer } from "../../../../control/verbs/balancer/get.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
import { newActor } from "../../../support/actors.ts";
import { balancerInput } from "../../../support/balancers.ts";
import { suiteCleanup } from "../../../support/suite-cleanup.ts";
import { otherTestCertificate, testCertificate } from "../../../support/test-certificates.ts";
import { creationUnderTest, noRows, type CreationUnderTest } from "./creation-under-test.ts";

let under: CreationUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  under = await creationUnderTest(cleanup);
});

describe("a new balancer", () => {
  test("is one revision with its body, its audit row and its group raised to it", async () => {
    const actor = await newActor(under.db);
    const outcome = await under.created(actor, balancerInput());
    expect(outcome).toMatchObject({
      revision: 1,
      dryRun: false,
      balancer: { rev: 1, revCreated: 1 },
    });
    expect(outcome.balancer.definition).toMatchObject({ name: "web", group: "default", schema: 1 });
    expect(await under.rowsOf(actor)).toEqual({
      ...noRows,
      rev: 1,
      balancers: 1,
      bodies: 1,
      revisions: 1,
      audit: 1,
    });
    const [group] = await under.db.sql`
      SELECT rev::int FROM groups WHERE tenant_id = ${actor.tenantId}`;
    expect(group?.["rev"]).toBe(1);
    const [body] = await under.db.sql`
      SELECT hash, body FROM bodies WHERE tenant_id = ${actor.tenantId}`;
    expect(body?.["hash"]).toBe(outcome.balancer.hash);
    const [audit] = await under.db.sql`
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
    const actor = await newActor(under.db);
    const heard: string[] = [];
    const ready = Promise.withResolvers<void>();
    const rung = Promise.withResolvers<void>();
    const listening = await under.db.database.listen("midstream", {
      onPayload: (payload) => {
        heard.push(payload);
        if (payload === actor.tenantId) rung.resolve();
      },
      onListen: () => ready.resolve(),
    });
    await ready.promise;
    await under.create(actor, balancerInput({ name: "dry" }), true);
    await under.created(actor, balancerInput());
    await rung.promise;
    await listening.stop();
    expect(heard.filter((payload) => payload === actor.tenantId)).toHaveLength(1);
  });

  test("can be read by its tenant, and by nobody else", async () => {
    const [owner, stranger] = [await newActor(under.db), await newActor(under.db)];
    const { balancer } = await under.created(owner, balancerInput());
    expect(await getBalancer(under.deps, owner, { id: balancer.id })).toEqual({
      kind: "found",
      balancer,
    });
    expect(await getBalancer(under.deps, stranger, { id: balancer.id })).toEqual({
      kind: "not-found",
    });
  });

  test("needs the scope write", async () => {
    const actor = await newActor(under.db);
    const reader = { ...actor, scopes: new Set(["read"] as const) };
    await expect(under.create(reader, balancerInput())).rejects.toMatchObject({
      code: "verbs/missing-scope",
    });
    expect(await under.rowsOf(actor)).toEqual(noRows);
  });
});

describe("what is refused stores nothing:", () => {
  test("a body with problems, all at once with their pointers", async () => {
    const actor = await newActor(under.db);
    const definition = { ...balancerInput(), bind: ["nonsense"], strategy: "fastest", extra: 1 };
    const outcome = await under.create(actor, definition);
    const pointers = outcome.kind === "invalid" ? outcome.problems.map((p) => p.pointer) : outcome;
    expect(pointers).toEqual(expect.arrayContaining(["/bind/0", "/strategy", "/extra"]));
    expect(await under.rowsOf(actor)).toEqual(noRows);
  });

  test("X-TLS-13 authorities that cannot be read, and a certificate with another one's key, beside all else that is wrong", async () => {
    const actor = await newActor(under.db);
    const pem = { certificate: testCertificate.cert, key: otherTestCertificate.key };
    const codesOf = async (backendTls: object, more = {}): Promise<unknown> => {
      const outcome = await under.create(actor, { ...balancerInput(), backendTls, ...more });
      if (outcome.kind !== "invalid") return outcome;
      return outcome.problems.map(({ pointer, code }) => `${pointer} ${code}`);
    };
    expect(await codesOf({ rootCa: { pem: "none" } })).toEqual([
      "/backendTls/rootCa/pem invalid-pem",
    ]);
    expect(await codesOf({ clientCertificate: { pem } })).toEqual([
      "/backendTls/clientCertificate/pem/key key-mismatch",
    ]);
    const all = { rootCa: { pem: "none" }, clientCertificate: { pem } };
    expect(await codesOf(all, { protocol: "sctp" })).toEqual([
      "/protocol unknown-value",
      "/backendTls/rootCa/pem invalid-pem",
      "/backendTls/clientCertificate/pem/key key-mismatch",
    ]);
    expect(await under.rowsOf(actor)).toEqual(noRows);
  });

  test("a group that is not there", async () => {
    const actor = await newActor(under.db);
    expect(await under.create(actor, balancerInput({ group: "edge" }))).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/group", code: "unknown-value" }],
    });
    expect(await under.rowsOf(actor)).toEqual(noRows);
  });

  test("a name that is taken, in whatever group", async () => {
    const actor = await newActor(under.db);
    await createGroup(under.deps, actor, { name: "edge" });
    await under.created(actor, balancerInput());
    const second = balancerInput({ group: "edge", bind: ["127.0.0.1:9001"] });
    expect(await under.create(actor, second)).toEqual({ kind: "name-taken", name: "web" });
    expect(await under.rowsOf(actor)).toMatchObject({ rev: 1, balancers: 1, revisions: 1 });
  });

  test("an address that another balancer of the group has; another group may have it", async () => {
    const actor = await newActor(under.db);
    await createGroup(under.deps, actor, { name: "edge" });
    await under.created(actor, balancerInput());
    expect(await under.create(actor, balancerInput({ name: "other" }))).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/bind/0", code: "conflict" }],
    });
    await under.created(actor, balancerInput({ name: "other", group: "edge" }));
  });

  test("everything that was only a dry run", async () => {
    const actor = await newActor(under.db);
    expect(await under.create(actor, balancerInput(), true)).toMatchObject({
      kind: "created",
      dryRun: true,
      revision: 1,
    });
    expect(await under.rowsOf(actor)).toEqual(noRows);
  });
});

describe("an idempotency key", () => {
  const idempotency = { key: "order-1", fingerprint: "f1" };

  test("makes two requests one effect with one answer", async () => {
    const actor = { ...(await newActor(under.db)), idempotency };
    const first = await under.create(actor, balancerInput());
    const second = await under.create(actor, balancerInput());
    expect(first.kind).toBe("created");
    expect(second).toEqual(first);
    expect(await under.rowsOf(actor)).toMatchObject({
      rev: 1,
      balancers: 1,
      revisions: 1,
      answers: 1,
    });
  });

  test("makes 100 requests at the same time one effect with one answer", async () => {
    const actor = { ...(await newActor(under.db)), idempotency };
    const all = await Promise.all(
      Array.from({ length: 100 }, () => under.create(actor, balancerInput())),
    );
    expect(new Set(all.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(all[0]?.kind).toBe("created");
    expect(await under.rowsOf(actor)).toMatchObject({
      rev: 1,
      balancers: 1,
      revisions: 1,
      answers: 1,
    });
  });

  test("with another request is a mistake", async () => {
    const actor = await newActor(under.db);
    await under.create({ ...actor, idempotency }, balancerInput());
    const other = { ...actor, idempotency: { ...idempotency, fingerprint: "f2" } };
    expect(await under.create(other, balancerInput({ name: "other" }))).toEqual({
      kind: "mismatch",
    });
    expect(await under.rowsOf(actor)).toMatchObject({ balancers: 1 });
  });

  test("of a refused request is free again, of a dry run too", async () => {
    const actor = { ...(await newActor(under.db)), idempotency };
    expect((await under.create(actor, { name: "web" })).kind).toBe("invalid");
    expect((await under.create(actor, balancerInput({ group: "nowhere" }))).kind).toBe("invalid");
    expect((await under.create(actor, balancerInput(), true)).kind).toBe("created");
    expect(await under.rowsOf(actor)).toEqual(noRows);
    expect((await under.create(actor, balancerInput())).kind).toBe("created");
  });

  test("of one tenant is not another's, and after its time it is free", async () => {
    const [one, other] = [await newActor(under.db), await newActor(under.db)];
    await under.created({ ...one, idempotency }, balancerInput());
    await under.created({ ...other, idempotency }, balancerInput());
    await under.db.sql`
      UPDATE idempotency SET expires_at = now() - interval '1 second' WHERE tenant_id = ${one.tenantId}`;
    const again = { ...one, idempotency: { ...idempotency, fingerprint: "f2" } };
    await under.created(again, balancerInput({ name: "second", bind: ["127.0.0.1:9001"] }));
  });
});
