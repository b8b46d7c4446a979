import { expect, onTestFinished, test } from "vitest";

import { controlUnderTest } from "../../support/control-under-test.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { issuedCertificate } from "../../support/issued-certificate.ts";
import { signUp } from "../../support/tenant-api.ts";
import type { CertificateAnswer } from "./certificate-calls.ts";

test("the end of a certificate is told of from 30 days before, in other words at 7 days, at one, and after", async () => {
  const clock = new FakeClock(Date.now());
  const control = await controlUnderTest(onTestFinished, { clock });
  const tenant = await signUp(control.url);
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
