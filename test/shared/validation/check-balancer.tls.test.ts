import { expect, test } from "vitest";

import { minimalBalancer as minimal } from "../definition/full-definitions.ts";
import { codesOf, problemsOf, stored } from "./checking.ts";

const files = { files: { certPath: "/etc/web.pem", keyPath: "/etc/web.key" } };
const tls = { certificates: [files] };

test("F-CFG-17 protocol tls without the tls section is refused", () => {
  expect(codesOf(minimal({ protocol: "tls" }))).toEqual(["/tls required"]);
  expect(stored(minimal({ protocol: "tls", tls })).tls?.certificates).toEqual([files]);
});

test("X-TLS-13 an unknown version, or suite, of either side is refused where it stands, with the names that there are", () => {
  const unknown = { minVersion: "ssl3", ciphers: ["TLS_RSA_WITH_RC4_128_SHA", "AES128-SHA"] };
  const raw = minimal({ protocol: "tls", tls: { ...tls, ...unknown }, backendTls: unknown });
  expect(problemsOf(raw)).toEqual(
    ["/tls", "/backendTls"].flatMap((section) => [
      {
        pointer: `${section}/ciphers/0`,
        code: "unknown-value",
        detail: expect.stringContaining("TLS_AES_128_GCM_SHA256"),
      },
      {
        pointer: `${section}/minVersion`,
        code: "unknown-value",
        detail: expect.stringContaining("tls1.2"),
      },
    ]),
  );
});

test.each([
  [
    "ecdhe-rsa-aes128-gcm-sha256",
    "must be one of 37 words; did you mean ECDHE-RSA-AES128-GCM-SHA256?",
  ],
  [
    "TLS_RSA_WITH_AES128_GCM_SHA256",
    "must be one of 37 words; did you mean TLS_RSA_WITH_AES_128_GCM_SHA256?",
  ],
  [
    "DHE-PSK",
    'must be one of "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256" or 34 others',
  ],
])("of an unknown suite, %s, the nearest is told, or a few", (suite, detail) => {
  const raw = minimal({ protocol: "tls", tls: { ...tls, ciphers: [suite] } });
  expect(problemsOf(raw)).toEqual([{ pointer: "/tls/ciphers/0", code: "unknown-value", detail }]);
});

test("F-CFG-18 a tls section without ACME hosts and without both files is refused", () => {
  const withMaterial = (material: unknown): unknown =>
    minimal({ protocol: "tls", tls: { certificates: [material] } });
  expect(codesOf(minimal({ protocol: "tls", tls: {} }))).toEqual(["/tls/certificates required"]);
  expect(codesOf(minimal({ protocol: "tls", tls: { certificates: [] } }))).toEqual([
    "/tls/certificates out-of-range",
  ]);
  expect(codesOf(withMaterial({}))).toEqual(["/tls/certificates/0 one-of"]);
  expect(codesOf(withMaterial({ files: { certPath: "/etc/web.pem" } }))).toEqual([
    "/tls/certificates/0/files/keyPath required",
  ]);
  expect(codesOf(withMaterial({ files: { keyPath: "/etc/web.key" } }))).toEqual([
    "/tls/certificates/0/files/certPath required",
  ]);
  expect(codesOf(withMaterial({ acme: { hosts: [] } }))).toEqual([
    "/tls/certificates/0/acme/hosts out-of-range",
  ]);
  for (const material of [files, { certificate: "crt_01" }, { acme: { hosts: ["a.test"] } }]) {
    stored(withMaterial(material));
  }
});

test("F-CFG-19 only one of certificate and key towards backends is refused", () => {
  const withPair = (pair: unknown): unknown =>
    minimal({ backendTls: { clientCertificate: { files: pair } } });
  expect(codesOf(withPair({ certPath: "/etc/a.pem" }))).toEqual([
    "/backendTls/clientCertificate/files/keyPath required",
  ]);
  expect(codesOf(withPair({ keyPath: "/etc/a.key" }))).toEqual([
    "/backendTls/clientCertificate/files/certPath required",
  ]);
  stored(withPair(files.files));
  stored(minimal({ backendTls: {} }));
});

test("the tls section belongs to protocol tls, so that nothing is terminated by accident", () => {
  expect(codesOf(minimal({ tls }))).toEqual(["/tls conflict"]);
});

test("an empty range of versions is refused", () => {
  const withTls = (more: object): unknown => minimal({ protocol: "tls", tls: { ...tls, ...more } });
  expect(codesOf(withTls({ minVersion: "tls1.3", maxVersion: "tls1.2" }))).toEqual([
    "/tls/maxVersion conflict",
  ]);
  expect(codesOf(minimal({ backendTls: { minVersion: "tls1.2", maxVersion: "tls1" } }))).toEqual([
    "/backendTls/maxVersion conflict",
  ]);
});
