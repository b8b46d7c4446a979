import { createPrivateKey } from "node:crypto";

import { beforeAll, describe, expect, test } from "vitest";

import { certificatesPerTenantMax } from "#shared/base/limits.ts";

import type { ControlUnderTest } from "../../support/control-under-test.ts";
import { issuedCertificate } from "../../support/issued-certificate.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp } from "../../support/tenant-api.ts";
import {
  bodyOf,
  certificatesUnderTest,
  createdCertificate,
  etagOf,
  pointersOf,
  shows,
  type CertificateAnswer,
  type CertificateProblem,
  type CertificatesUnderTest,
} from "./certificate-calls.ts";

let under: CertificatesUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  under = await certificatesUnderTest(cleanup);
});

describe("POST /v1/certificates", () => {
  test("keeps it as a revision of its own and answers what it says of itself", async () => {
    const { control, first } = under;
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
    const { control, first, second } = under;
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
    const { control, first } = under;
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
    const { control, first, second } = under;
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
    const { control, first } = under;
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
    const { control, first, second } = under;
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
    const { control, first, second } = under;
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

test("pages list every certificate once, oldest first", async () => {
  const { control, first } = under;
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

test("no answer, no log line and no row of the database ever holds a key or a pass-phrase", async () => {
  const { control, first, second } = under;
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
