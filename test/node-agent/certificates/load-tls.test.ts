import { expect, test } from "vitest";

import { loadTls } from "../../../node-agent/certificates/load-tls.ts";
import { verified } from "../../support/data-plane.ts";
import { testCertificate } from "../../support/test-certificates.ts";

test("the ends of certificates stand in the order of the definition, the tenth after the second", async () => {
  const { cert: certificatePem, key: keyPem } = testCertificate;
  const stored = { get: () => ({ certificatePem, keyPem }) };
  const named = { certificate: "crt_a" };
  const { definition } = verified({
    protocol: "tls",
    bind: ["127.0.0.1:1"],
    tls: { certificates: Array.from({ length: 12 }, () => named) },
    backendTls: { clientCertificate: named },
  });

  const loaded = await loadTls({ stored, usualAuthorities: () => "" }, definition, {
    nowMs: Date.now(),
    isServed: () => false,
  });

  const ends = loaded.ok ? loaded.value.ends : loaded.problems;
  expect(ends.map(({ pointer }) => pointer)).toEqual([
    "/backendTls/clientCertificate",
    ...Array.from({ length: 12 }, (_, index) => `/tls/certificates/${index}`),
  ]);
});
