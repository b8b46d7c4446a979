import { createPrivateKey } from "node:crypto";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { certificatesPerTenantMax } from "#shared/base/limits.ts";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { issuedChain, issuedCertificate } from "../../support/issued-certificate.ts";
import { nodeRow } from "../../support/node-rows.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp } from "../../support/tenant-api.ts";
import {
  bodyOf,
  createdCertificate,
  etagOf,
  pointersOf,
  shows,
  type CertificateAnswer,
  type CertificateProblem,
  type Issued,
} from "./certificate-calls.ts";

let control: ControlUnderTest;
let first: Issued;
let second: Issued;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
  [first, second] = [await issuedChain(), await issuedChain()];
});

describe("POST /v1/certificates", () => {
  test("keeps it as a revision of its own and answers what it says of itself", async () => {
    const tenant = await signUp(control.url);
    const answer = await createdCertificate(tenant, first);
    expect(answer.body).toMatchObject({
      id: expect.stringMatching(/^crt_/) as string,
      revision: 1,
      name: "shop",
      subject: "CN=shop.example.com",
      issuer: "CN=Middle",
      names: ["shop.example.com"],
      keyType: "ec-p256",
      chainLength: 2,
      usedBy: [],
    });
    expect(answer.headers.get("location")).toBe(`/v1/certificates/${answer.body.id}`);
    const found = await tenant.call<CertificateAnswer>("GET", `/v1/certificates/${answer.body.id}`);
    expect(found.body).toEqual(answer.body);
    expect(etagOf(found)).toBe(etagOf(answer));
    const again = await tenant.call("GET", `/v1/certificates/${answer.body.id}`, {
      headers: { "if-none-match": etagOf(answer) },
    });
    expect(again.status).toBe(304);
    expect(await tenant.demand("GET", "/v1/revisions/1")).toMatchObject({
      action: "certificate.create",
      changes: [],
      certificates: [{ certificate: answer.body.id, name: "shop", change: "added" }],
      receipt: { nodes: { expected: 0 } },
    });
    expect(await tenant.demand("GET", "/v1/audit")).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({ action: "certificate.create", target: answer.body.id }),
      ]) as unknown[],
    });
  });

  test("says everything that is wrong at once, and stores nothing", async () => {
    const tenant = await signUp(control.url);
    const encrypted = createPrivateKey(first.leaf.key)
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "right" })
      .toString();
    const old = await issuedCertificate({ name: "a.example.com", validDays: [-9, -3] });
    const answer = await tenant.call<CertificateProblem>("POST", "/v1/certificates", {
      body: { name: "Not A Name", certificate: old.cert, key: encrypted, surprise: 1 },
    });
    expect(answer.status).toBe(422);
    expect(pointersOf(answer.body).toSorted()).toEqual([
      "/certificate expired",
      "/name invalid-format",
      "/passphrase passphrase-required",
      "/surprise unknown-key",
    ]);
    const half = { name: "shop", certificate: first.leaf.cert + first.root.cert };
    const without = await tenant.call<CertificateProblem>("POST", "/v1/certificates", {
      body: half,
    });
    expect(pointersOf(without.body)).toEqual(["/key required", "/certificate broken-chain"]);
    const bodies = [{ ...bodyOf(first), key: second.leaf.key }, [], "x", null];
    for (const body of bodies) {
      expect((await tenant.call("POST", "/v1/certificates", { body })).status).toBe(422);
    }
    const long = { ...bodyOf(first), certificate: first.chain.repeat(30) };
    const tooLong = await tenant.call<CertificateProblem>("POST", "/v1/certificates", {
      body: long,
    });
    expect(pointersOf(tooLong.body)).toEqual(["/certificate out-of-range"]);
    expect(await tenant.demand("GET", "/v1/certificates")).toEqual({ items: [], nextCursor: null });
    expect(await tenant.demand("GET", "/v1/revisions")).toEqual({ items: [], nextCursor: null });
  });

  test("opens an encrypted key, and keeps no pass-phrase", async () => {
    const tenant = await signUp(control.url);
    const key = createPrivateKey(first.leaf.key)
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "right" })
      .toString();
    const body = { ...bodyOf(first), key };
    const wrong = { ...body, passphrase: "wrong" };
    const refused = await tenant.call<CertificateProblem>("POST", "/v1/certificates", {
      body: wrong,
    });
    expect(pointersOf(refused.body)).toEqual(["/passphrase passphrase-wrong"]);
    const right = { ...body, passphrase: "right" };
    expect((await tenant.call("POST", "/v1/certificates", { body: right })).status).toBe(201);
  });

  test("as a dry run checks all and stores nothing; a taken name is 409", async () => {
    const tenant = await signUp(control.url);
    const dry = await tenant.call<CertificateAnswer>("POST", "/v1/certificates?dryRun=true", {
      body: bodyOf(first),
    });
    expect(dry.status).toBe(200);
    expect(dry.body).toMatchObject({ dryRun: true, names: ["shop.example.com"] });
    await createdCertificate(tenant, first);
    const taken = await tenant.call<CertificateProblem>("POST", "/v1/certificates", {
      body: bodyOf(second),
    });
    expect([taken.status, taken.body.code]).toEqual([409, "http/name-taken"]);
  });

  test("under an Idempotency-Key has one effect and one answer", async () => {
    const tenant = await signUp(control.url);
    const call = { body: bodyOf(first), headers: { "idempotency-key": "once" } };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        tenant.call<CertificateAnswer>("POST", "/v1/certificates", call),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  test("ends at the tenant's limit", async () => {
    const tenant = await signUp(control.url);
    await createdCertificate(tenant, first, "first");
    await control.db.sql`
      INSERT INTO certificates (tenant_id, id, name, hash, details, key_id, sealed_key, rev_created, rev_updated)
      SELECT tenant_id, 'crt_' || n, 'n' || n, hash, details, 'sec_' || n, sealed_key, 1, 1
        FROM certificates, generate_series(2, ${certificatesPerTenantMax}) AS n
        WHERE tenant_id = ${tenant.id}`;
    const answer = await tenant.call<CertificateProblem>("POST", "/v1/certificates", {
      body: bodyOf(second),
    });
    expect([answer.status, answer.body.code]).toEqual([409, "http/limit-reached"]);
  });

  test("needs the scope write; reading needs read", async () => {
    const tenant = await signUp(control.url);
    const { body } = await createdCertificate(tenant, first);
    const keyWith = async (scope: string): Promise<Record<string, string>> => {
      const made = await tenant.demand<{ secret: string }>("POST", "/v1/api-keys", {
        body: { name: scope, scopes: [scope] },
      });
      return { authorization: `Bearer ${made.secret}`, "if-match": "*" };
    };
    const [reader, other] = [await keyWith("read"), await keyWith("nodes")];
    const path = `/v1/certificates/${body.id}`;
    expect((await tenant.call("GET", path, { headers: reader })).status).toBe(200);
    expect((await tenant.call("GET", path, { headers: other })).status).toBe(403);
    const renewal = { headers: reader, body: bodyOf(second) };
    expect((await tenant.call("POST", "/v1/certificates", renewal)).status).toBe(403);
    expect((await tenant.call("PUT", path, renewal)).status).toBe(403);
    expect((await tenant.call("DELETE", path, { headers: reader })).status).toBe(403);
  });
});

describe("PUT /v1/certificates/{id}", () => {
  test("puts another in its place: a revision with a receipt of the nodes that use it", async () => {
    const tenant = await signUp(control.url);
    const before = await createdCertificate(tenant, first);
    const path = `/v1/certificates/${before.body.id}`;
    await nodeRow(control.db.sql, tenant.id);
    const idle = await tenant.call<CertificateAnswer>("PUT", path, {
      headers: { "if-match": etagOf(before), prefer: "wait=0" },
      body: bodyOf(second, "renamed"),
    });
    expect(idle.body).toMatchObject({ revision: 2, name: "renamed" });
    expect(idle.body["receipt"]).toMatchObject({ nodes: { expected: 0 } });
    await tenant.demand("POST", "/v1/balancers", { body: shows("web", [before.body.id]) });
    const used = await tenant.call<CertificateAnswer>("PUT", path, {
      headers: { "if-match": etagOf(idle), prefer: "wait=0" },
      body: { certificate: first.chain, key: first.leaf.key },
    });
    expect(used.body).toMatchObject({ revision: 4, name: "renamed" });
    expect(used.body["receipt"]).toMatchObject({ nodes: { expected: 1 } });
    const groups = await tenant.demand("GET", "/v1/groups");
    expect(groups).toMatchObject({ items: [{ name: "default", revision: 4 }] });
  });

  test("wants If-Match, and the right one; the same pair again makes no revision", async () => {
    const tenant = await signUp(control.url);
    const before = await createdCertificate(tenant, first);
    const path = `/v1/certificates/${before.body.id}`;
    const body = bodyOf(second);
    expect((await tenant.call("PUT", path, { body })).status).toBe(428);
    const stale = { body, headers: { "if-match": '"9-00000000"' } };
    const refused = await tenant.call("PUT", path, stale);
    expect(refused.status).toBe(412);
    expect(etagOf(refused)).toBe(etagOf(before));
    const same = { body: bodyOf(first), headers: { "if-match": etagOf(before) } };
    const unchanged = await tenant.call<CertificateAnswer>("PUT", path, same);
    expect([unchanged.status, unchanged.body.revision]).toEqual([200, 1]);
    const dry = await tenant.call<CertificateAnswer>("PUT", `${path}?dryRun=true`, {
      body,
      headers: { "if-match": etagOf(before) },
    });
    expect(dry.body).toMatchObject({ dryRun: true });
    expect(etagOf(await tenant.call("GET", path))).toBe(etagOf(before));
  });

  test("that is wrong leaves what there was, with its key", async () => {
    const tenant = await signUp(control.url);
    const before = await createdCertificate(tenant, first);
    const path = `/v1/certificates/${before.body.id}`;
    const headers = { "if-match": etagOf(before) };
    const mixed = { headers, body: { certificate: second.chain, key: first.leaf.key } };
    const answer = await tenant.call<CertificateProblem>("PUT", path, mixed);
    expect(pointersOf(answer.body)).toEqual(["/key key-mismatch"]);
    expect((await tenant.call("GET", path)).body).toEqual(before.body);
  });

  test("deletes the key that it had", async () => {
    const tenant = await signUp(control.url);
    const before = await createdCertificate(tenant, first);
    const keyOf = async () => {
      const [row] = await control.db.sql<{ key_id: string; sealed_key: string }[]>`
        SELECT key_id, sealed_key FROM certificates WHERE tenant_id = ${tenant.id}`;
      return row;
    };
    const old = await keyOf();
    await tenant.demand("PUT", `/v1/certificates/${before.body.id}`, {
      headers: { "if-match": "*" },
      body: bodyOf(second),
    });
    const renewed = await keyOf();
    expect(renewed?.key_id).not.toBe(old?.key_id);
    expect(renewed?.sealed_key).not.toBe(old?.sealed_key);
  });
});

test("pages list every certificate once, oldest first", async () => {
  const tenant = await signUp(control.url);
  const names = ["a", "b", "c"];
  for (const name of names) await createdCertificate(tenant, first, name);
  const part = await tenant.demand<{ items: CertificateAnswer[]; nextCursor: string }>(
    "GET",
    "/v1/certificates?limit=2",
  );
  const rest = await tenant.demand<{ items: CertificateAnswer[]; nextCursor: null }>(
    "GET",
    `/v1/certificates?limit=2&cursor=${part.nextCursor}`,
  );
  expect([...part.items, ...rest.items].map(({ name }) => name)).toEqual(names);
  expect(rest.nextCursor).toBeNull();
});

test("its end is told of from 30 days before, in other words at 7 days, at one, and after", async () => {
  const clock = new FakeClock(Date.now());
  const late = await controlUnderTest(onTestFinished, { clock });
  const tenant = await signUp(late.url);
  const leaf = await issuedCertificate({ name: "a.example.com", validDays: [-1, 40] });
  const { id } = await tenant.demand<CertificateAnswer>("POST", "/v1/certificates", {
    body: { name: "a", certificate: leaf.cert, key: leaf.key },
  });
  const dayMs = 24 * 60 * 60 * 1_000;
  const told = async (afterDays: number): Promise<readonly string[]> => {
    clock.advance(afterDays * dayMs);
    const { warnings } = await tenant.demand<CertificateAnswer>("GET", `/v1/certificates/${id}`);
    return warnings.map(
      ({ code, detail }) => `${code} ${/less than (.*)/.exec(detail)?.[1] ?? ""}`,
    );
  };
  expect(await told(9)).toEqual([]);
  expect(await told(2)).toEqual(["expires-soon 30 days"]);
  expect(await told(23)).toEqual(["expires-soon 7 days"]);
  expect(await told(5.5)).toEqual(["expires-soon a day"]);
  expect(await told(1)).toEqual(["expired "]);
});

test("no answer, no log line and no row of the database ever holds a key or a pass-phrase", async () => {
  const tenant = await signUp(control.url);
  const passphrase = "a pass-phrase that nobody else has";
  const key = createPrivateKey(first.leaf.key)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase })
    .toString();
  const made = await tenant.call<CertificateAnswer>("POST", "/v1/certificates", {
    body: { ...bodyOf(first), key, passphrase },
    headers: { "idempotency-key": "kept" },
  });
  const path = `/v1/certificates/${made.body.id}`;
  const any = { "if-match": "*" };
  const mixed = { headers: any, body: { certificate: first.chain, key: second.leaf.key } };
  await tenant.call("POST", "/v1/balancers", { body: shows("web", [made.body.id]) });
  const answers = [
    made,
    await tenant.call("PUT", path, mixed),
    await tenant.call("PUT", path, { headers: any, body: bodyOf(second) }),
    await tenant.call("DELETE", path, { headers: any }),
    ...(await Promise.all(
      [path, "/v1/certificates", "/v1/balancers", "/v1/audit", "/v1/revisions", "/v1/metrics"]
        .concat(["/v1/revisions/1", "/v1/revisions/2", "/v1/revisions/3", "/v1/revisions/3/diff"])
        .map((each) => tenant.call("GET", each)),
    )),
  ];
  const texts = [
    ...answers.map(({ body }) => JSON.stringify(body)),
    JSON.stringify(control.log.lines),
    await everyRowOf(control),
  ];
  const secrets = [first.leaf.key, second.leaf.key, key].flatMap((pem) =>
    pem.split("\n").slice(1, -2),
  );
  for (const text of texts) {
    expect(text).not.toContain(passphrase);
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
});

/** All tables as text. */
async function everyRowOf({ db }: ControlUnderTest): Promise<string> {
  const tables = await db.sql<{ name: string }[]>`
    SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;
  const texts = await Promise.all(
    tables.map(async ({ name }) => JSON.stringify(await db.sql`SELECT * FROM ${db.sql(name)}`)),
  );
  expect(texts.length).toBeGreaterThan(15);
  return texts.join("\n");
}
