import { beforeAll, describe, expect, test } from "vitest";

import { nodeRow } from "../../support/node-rows.ts";
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

describe("PUT /v1/certificates/{id}", () => {
  test("puts another in its place: a revision with a receipt of the nodes that use it", async () => {
    const { control, first, second } = under;
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
    const { control, first, second } = under;
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
    const { control, first, second } = under;
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
    const { control, first, second } = under;
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
