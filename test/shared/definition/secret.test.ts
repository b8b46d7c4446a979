import { expect, test } from "vitest";

import { secretBytesMax } from "#shared/base/limits.ts";
import { balancerSchema } from "#shared/definition/balancer.ts";
import { secretReferenceSchema, secretSchema } from "#shared/definition/secret-value.ts";
import { isSecretReference, mapSecrets, secretFieldsOf } from "#shared/definition/secret.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { stored } from "../validation/checking.ts";
import { fullBalancers, minimalBalancer } from "./full-definitions.ts";
import { fullDiscoveries } from "./full-discoveries.ts";
import { placesIn } from "./schema-places.ts";

const reference = { secret: "sec_01hzy3v5n8w2k7q4m6r9t0a1b2" };

test("every secret of a balancer is found, with its pointer", () => {
  const consul = stored(minimalBalancer({ discovery: fullDiscoveries["consul"] }));
  expect(secretFieldsOf(consul)).toEqual([
    { pointer: "/discovery/auth/password", value: "plain password" },
    { pointer: "/discovery/aclToken", value: "plain token" },
    { pointer: "/discovery/tls/clientCertificate/pem/key", value: "plain key" },
  ]);
});

test("secrets of merged sources and of the backends' TLS are found as well", () => {
  const multi = stored(fullBalancers.find(isMulti) ?? {});
  expect(secretFieldsOf(multi).map(({ pointer }) => pointer)).toEqual([
    "/discovery/sources/2/auth/password",
    "/discovery/sources/3/auth/password",
    "/discovery/sources/5/auth/password",
    "/discovery/sources/6/auth/password",
    "/discovery/sources/8/auth/password",
    "/discovery/sources/6/aclToken",
    "/discovery/sources/7/serverRemotePassword",
    "/discovery/sources/3/bearerToken",
    "/discovery/sources/5/bearerToken",
    "/discovery/sources/9/bearerToken",
    ...[10, 11, 12].map((index) => `/discovery/sources/${index}/credentials/secretAccessKey`),
    ...[10, 11, 12].map((index) => `/discovery/sources/${index}/credentials/sessionToken`),
    "/discovery/sources/3/headers/0/value",
    "/discovery/sources/5/headers/0/value",
    "/discovery/sources/2/tls/clientCertificate/pem/key",
    "/discovery/sources/3/tls/clientCertificate/pem/key",
    "/discovery/sources/5/tls/clientCertificate/pem/key",
    "/discovery/sources/6/tls/clientCertificate/pem/key",
    "/discovery/sources/8/tls/clientCertificate/pem/key",
    "/discovery/sources/9/tls/clientCertificate/pem/key",
    "/tls/certificates/1/files/passphrase",
    "/backendTls/clientCertificate/pem/key",
  ]);
});

test("sealed and opened again a balancer is the same, and in between holds no plain text", () => {
  for (const raw of fullBalancers) {
    const plain = stored(raw);
    const kept = new Map<string, string>();
    const sealed = mapSecrets(plain, (value, pointer) => {
      kept.set(pointer, isSecretReference(value) ? "" : value);
      return referenceOf();
    });
    expect(JSON.stringify(sealed)).not.toMatch(/plain (key|token|password)/);
    expect(checkBalancer(sealed)).toEqual({ ok: true, value: sealed });
    expect(mapSecrets(sealed, (_, pointer) => kept.get(pointer) ?? "lost")).toEqual(plain);
  }
});

test("the values of a check's headers are secrets, whatever the headers are called", () => {
  const headers = { Authorization: "Bearer plain token", "*": "plain key", "X~": "" };
  const checked = stored(minimalBalancer({ healthcheck: { kind: "http", headers } }));
  expect(secretFieldsOf(checked)).toEqual([
    { pointer: "/healthcheck/headers/Authorization", value: "Bearer plain token" },
    { pointer: "/healthcheck/headers/*", value: "plain key" },
    { pointer: "/healthcheck/headers/X~0", value: "" },
  ]);
});

test("the balancer that is mapped stays as it was", () => {
  const plain = stored(minimalBalancer({ discovery: fullDiscoveries["consul"] }));
  const before = structuredClone(plain);
  mapSecrets(plain, () => "other");
  expect(plain).toEqual(before);
});

test("a reference is taken as it was read, another kind of id is not", () => {
  const discovery = { ...fullDiscoveries["consul"], aclToken: reference };
  expect(secretFieldsOf(stored(minimalBalancer({ discovery })))).toContainEqual({
    pointer: "/discovery/aclToken",
    value: reference,
  });
  const wrong = { ...discovery, aclToken: { secret: "bal_01hzy3v5n8w2k7q4m6r9t0a1b2" } };
  expect(checkBalancer(minimalBalancer({ discovery: wrong }))).toMatchObject({
    ok: false,
    problems: [{ pointer: "/discovery/aclToken/secret", code: "invalid-format" }],
  });
});

test("a secret is bounded in bytes, so that it fits the box it is sealed in", () => {
  const withToken = (aclToken: string): unknown =>
    minimalBalancer({ discovery: { ...fullDiscoveries["consul"], aclToken } });
  expect(checkBalancer(withToken("x".repeat(secretBytesMax))).ok).toBe(true);
  for (const aclToken of ["x".repeat(secretBytesMax + 1), "é".repeat(secretBytesMax / 2 + 1)]) {
    expect(checkBalancer(withToken(aclToken))).toMatchObject({
      ok: false,
      problems: [{ pointer: "/discovery/aclToken", code: "out-of-range" }],
    });
  }
});

test("a problem with a secret does not tell the secret", () => {
  const discovery = { ...fullDiscoveries["consul"], aclToken: ["hush"], auth: "hush" };
  const checked = checkBalancer(minimalBalancer({ discovery }));
  expect(checked.ok).toBe(false);
  expect(JSON.stringify(checked)).not.toContain("hush");
});

test("no schema holds a secret in a place that mapSecrets does not know", () => {
  const found = new Set(
    fullBalancers.flatMap((raw) => secretFieldsOf(stored(raw)).map(({ pointer }) => pointer)),
  );
  const general = [...found].map((pointer) =>
    pointer
      .replace(/^\/discovery\/sources\/\d+/, "/discovery")
      .replace(/\/(headers|certificates)\/\d+\//, "/$1/")
      .replace(/^\/healthcheck\/headers\/.*/, "/healthcheck/headers"),
  );
  expect([...new Set(general)].toSorted()).toEqual(placesIn(balancerSchema, isSecret).toSorted());
});

function isSecret(schema: unknown): boolean {
  return schema === secretSchema || schema === secretReferenceSchema;
}

function referenceOf(): ReturnType<typeof secretSchema.parse> {
  return secretSchema.parse(reference);
}

function isMulti(raw: Record<string, unknown>): boolean {
  return JSON.stringify(raw["discovery"]).startsWith('{"kind":"multi"');
}
