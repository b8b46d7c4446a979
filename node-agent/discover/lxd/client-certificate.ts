import { webcrypto } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { systemErrorCode } from "#shared/base/fault.ts";

import { failedFetch } from "../discovery.ts";
import type { Got } from "../http/tls-material.ts";
import type { TrustFiles } from "./trust-files.ts";

const lifetimeMs = 10 * 365 * 24 * 60 * 60 * 1_000;
const algorithm = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };

/**
 * Makes the client's key and a certificate signed by itself, as `lxc` does (EC P-384, ten years),
 * and writes them into the client's folder. What is there already is not overwritten.
 */
export async function makeClientCertificate(
  files: TrustFiles,
  nowMs: number,
): Promise<Got<{ readonly cert: string; readonly key: string }>> {
  // Loaded when it is needed: hardly ever, and its parts want a polyfill of the whole process.
  await import("reflect-metadata");
  const { X509CertificateGenerator } = await import("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=midstream, O=linuxcontainers.org",
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: algorithm,
    keys,
  });
  const exported = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const lines = exported.toString("base64").replaceAll(/.{1,64}/g, "$&\n");
  const pair = {
    cert: `${certificate.toString("pem")}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines}-----END PRIVATE KEY-----\n`,
  };
  try {
    await mkdir(dirname(files.clientKey), { recursive: true, mode: 0o700 });
    await writeFile(files.clientKey, pair.key, { mode: 0o600, flag: "wx" });
    await writeFile(files.clientCertificate, pair.cert, { mode: 0o644, flag: "wx" });
    return { ok: true, value: pair };
  } catch (error) {
    const code = systemErrorCode(error) ?? "failed";
    return failedFetch("bad-file", `${files.clientCertificate} and its key: ${code}`);
  }
}
