import { beforeAll, describe, expect, test } from "vitest";

import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import {
  bodyOf,
  certificatesUnderTest,
  createdCertificate,
  pointersOf,
  shows,
  type CertificateAnswer,
  type CertificateProblem,
  type CertificatesUnderTest,
  type Issued,
} from "./certificate-calls.ts";

let under: CertificatesUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  under = await certificatesUnderTest(cleanup);
});

describe("a balancer that names certificates", () => {
  test("that are not there is 422 at each of them, also another tenant's", async () => {
    const { control, first } = under;
    const [tenant, stranger] = [await signUp(control.url), await signUp(control.url)];
    const own = (await createdCertificate(tenant, first)).body.id;
    const foreign = (await createdCertificate(stranger, first)).body.id;
    const source = {
      kind: "json",
      endpoint: "https://inventory.internal/",
      tls: { clientCertificate: { certificate: "crt_gone2" } },
    };
    const body = {
      ...shows("web", [own, foreign]),
      backendTls: { clientCertificate: { certificate: "crt_gone1" } },
      discovery: source,
    };
    const answer = await tenant.call<CertificateProblem>("POST", "/v1/balancers", { body });
    expect(answer.status).toBe(422);
    expect(pointersOf(answer.body)).toEqual([
      "/tls/certificates/1/certificate unknown-value",
      "/backendTls/clientCertificate/certificate unknown-value",
      "/discovery/tls/clientCertificate/certificate unknown-value",
    ]);
    const multi = { ...shows("web", [own]), discovery: { kind: "multi", sources: [source] } };
    const nested = await tenant.call<CertificateProblem>("POST", "/v1/balancers", { body: multi });
    expect(pointersOf(nested.body)).toEqual([
      "/discovery/sources/0/tls/clientCertificate/certificate unknown-value",
    ]);
  });

  test("is told with them, and keeps them from being removed", async () => {
    const { control, first } = under;
    const tenant = await signUp(control.url);
    const { body: certificate } = await createdCertificate(tenant, first);
    const path = `/v1/certificates/${certificate.id}`;
    const balancer = await tenant.demand<{ id: string }>("POST", "/v1/balancers", {
      body: shows("web", [certificate.id, certificate.id]),
    });
    const { usedBy } = await tenant.demand<CertificateAnswer>("GET", path);
    expect(usedBy).toEqual([{ id: balancer.id, name: "web" }]);
    const refused = await tenant.call<CertificateProblem>("DELETE", path, {
      headers: { "if-match": "*" },
    });
    expect([refused.status, refused.body.code]).toEqual([409, "http/in-use"]);
    expect(refused.body.detail).toContain(`web (${balancer.id})`);
    await tenant.demand("DELETE", `/v1/balancers/${balancer.id}`, { headers: { "if-match": "*" } });
    const dry = await tenant.call("DELETE", `${path}?dryRun=true`, {
      headers: { "if-match": "*" },
    });
    expect(dry.body).toMatchObject({ dryRun: true });
    const gone = await tenant.call("DELETE", path, { headers: { "if-match": "*" } });
    expect(gone.body).toEqual({ id: certificate.id, revision: 4 });
    expect((await tenant.call("GET", path)).status).toBe(404);
    const rows = await control.db.sql`SELECT 1 FROM certificates WHERE id = ${certificate.id}`;
    expect(rows).toHaveLength(0);
  });

  test("comes back by a rollback with the certificate as it is now, but not without it", async () => {
    const { control, first, second } = under;
    const tenant = await signUp(control.url);
    const { body: certificate } = await createdCertificate(tenant, first);
    const path = `/v1/certificates/${certificate.id}`;
    const balancer = await tenant.demand<{ id: string }>("POST", "/v1/balancers", {
      body: shows("web", [certificate.id]),
    });
    const any = { headers: { "if-match": "*" } };
    await tenant.demand("PUT", path, { ...any, body: bodyOf(second) });
    await tenant.demand("DELETE", `/v1/balancers/${balancer.id}`, any);
    await tenant.demand("POST", "/v1/revisions/2/rollback");
    expect(await tenant.demand("GET", path)).toMatchObject({
      fingerprint: await fingerprintOf(tenant, second),
      usedBy: [{ id: balancer.id }],
    });
    await tenant.demand("DELETE", `/v1/balancers/${balancer.id}`, any);
    await tenant.demand("DELETE", path, any);
    const answer = await tenant.call<CertificateProblem>("POST", "/v1/revisions/2/rollback");
    expect(answer.status).toBe(422);
    expect(pointersOf(answer.body)).toEqual([
      `/balancers/${balancer.id}/tls/certificates/0/certificate unknown-value`,
    ]);
  });
});

/** As the API tells it of the same pair. */
async function fingerprintOf(tenant: TestTenant, issued: Issued): Promise<string> {
  const body = bodyOf(issued, "as-if");
  const path = "/v1/certificates?dryRun=true";
  return (await tenant.demand<CertificateAnswer>("POST", path, { body })).fingerprint;
}
