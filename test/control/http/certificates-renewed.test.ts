import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { issuedCertificate, issuedChain } from "../../support/issued-certificate.ts";
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

test("the end of a certificate is told of from 30 days before, in other words at 7 days, at one, and after", async () => {
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
