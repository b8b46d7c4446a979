import { expect, test } from "vitest";

import { authorityProblems } from "../../../../control/verbs/balancer/authority-problems.ts";
import { minimalBalancer } from "../../../shared/definition/full-definitions.ts";
import { stored } from "../../../shared/validation/checking.ts";
import { otherTestCertificate, testCertificate } from "../../../support/test-certificates.ts";

/** Every problem as `pointer code` when the text stands in each place that there is for one. */
function problemsOf(pem: string): readonly string[] {
  const source = (rootCa: object): object => {
    return { kind: "json", endpoint: "https://a.test/", tls: { rootCa } };
  };
  const everywhere = minimalBalancer({
    protocol: "tls",
    tls: {
      certificates: [{ certificate: "crt_01" }],
      clientAuth: { mode: "verify", authority: { pem } },
    },
    backendTls: { rootCa: { pem } },
    healthcheck: { kind: "http", scheme: "https", tls: { rootCa: { pem } } },
    discovery: { kind: "multi", sources: [source({ file: "/etc/ca.pem" }), source({ pem })] },
  });
  const alone = minimalBalancer({ discovery: source({ pem }) });
  return [stored(everywhere), stored(alone)].flatMap((balancer) =>
    authorityProblems(balancer).map(({ pointer, code }) => `${pointer} ${code}`),
  );
}

test("X-TLS-13 a text that holds no authorities, or one that cannot be read, is refused in every place where it can stand", () => {
  const { cert } = testCertificate;
  const line = cert.split("\n")[1] ?? "";
  for (const pem of [
    "no certificate",
    cert.replace("END", "FIN"),
    cert.replace(line, "-"),
    cert.replace(line, line.slice(4)),
    cert + otherTestCertificate.cert.slice(0, -40),
    cert + testCertificate.key,
  ]) {
    expect(problemsOf(pem), pem).toEqual([
      "/tls/clientAuth/authority/pem invalid-pem",
      "/backendTls/rootCa/pem invalid-pem",
      "/healthcheck/tls/rootCa/pem invalid-pem",
      "/discovery/sources/1/tls/rootCa/pem invalid-pem",
      "/discovery/tls/rootCa/pem invalid-pem",
    ]);
  }
});

test("a bundle of several authorities may have text between them", () => {
  const two = `one\n${testCertificate.cert}\nand another\n${otherTestCertificate.cert}\n`;
  expect(problemsOf(two)).toEqual([]);
});
