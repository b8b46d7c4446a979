import { webcrypto } from "node:crypto";

import type { TestCertificate } from "./test-certificates.ts";

export interface Wanted {
  /** Host names and IP addresses that it is for. */
  readonly names?: readonly string[];
  readonly commonName?: string;
  readonly key?: "ec" | "rsa";
  /** In days from now; the first may lie ahead. */
  readonly validDays?: readonly [number, number];
}

/** Signs what tests need. */
export interface TestAuthority {
  /** Its own certificate, in PEM. */
  readonly cert: string;
  issue(wanted: Wanted): Promise<TestCertificate>;
  /** An authority below this one, whose certificates come with its own behind them. */
  below(): Promise<TestAuthority>;
}

/** A new authority: its key is made here, in a moment, and is known to nobody else. */
export async function createTestAuthority(name = "test authority"): Promise<TestAuthority> {
  await import("reflect-metadata");
  const keys = await makeKeys("ec");
  const { X509CertificateGenerator } = await import("@peculiar/x509");
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...validFor(-1, 30),
    keys,
    extensions: await authorityExtensions(),
  });
  const pem = pemOf(certificate.rawData, "CERTIFICATE");
  return authorityOf({ name, keys, pem, chain: "" });
}

interface Signer {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly pem: string;
  /** What its certificates come with. */
  readonly chain: string;
}

function authorityOf(signer: Signer): TestAuthority {
  return {
    cert: signer.pem,
    issue: (wanted) => issue(signer, wanted),
    below: async () => {
      const name = `${signer.name}, below`;
      const keys = await makeKeys("ec");
      const { X509CertificateGenerator } = await import("@peculiar/x509");
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${quoted(name)}`,
        issuer: `CN=${quoted(signer.name)}`,
        ...validFor(-1, 30),
        publicKey: keys.publicKey,
        signingKey: signer.keys.privateKey,
        extensions: await authorityExtensions(),
      });
      const pem = pemOf(certificate.rawData, "CERTIFICATE");
      return authorityOf({ name, keys, pem, chain: pem });
    },
  };
}

async function issue(signer: Signer, wanted: Wanted): Promise<TestCertificate> {
  const { X509CertificateGenerator, SubjectAlternativeNameExtension, BasicConstraintsExtension } =
    await import("@peculiar/x509");
  const { names = [], commonName, key = "ec", validDays = [-1, 20] } = wanted;
  const keys = await makeKeys(key);
  const alternatives = names.map((value) => ({
    type: /^[\d.]+$|:/.test(value) ? ("ip" as const) : ("dns" as const),
    value,
  }));
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${quoted(commonName ?? names[0] ?? "nobody")}`,
    issuer: `CN=${quoted(signer.name)}`,
    ...validFor(...validDays),
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)]),
    ],
  });
  const exported = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: pemOf(certificate.rawData, "CERTIFICATE") + signer.chain,
    key: pemOf(exported, "PRIVATE KEY"),
  };
}

async function authorityExtensions() {
  const { BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } =
    await import("@peculiar/x509");
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function makeKeys(kind: "ec" | "rsa"): Promise<webcrypto.CryptoKeyPair> {
  const algorithm =
    kind === "ec"
      ? { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
      : {
          name: "RSASSA-PKCS1-v1_5",
          modulusLength: 2_048,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: "SHA-256",
        };
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function validFor(fromDays: number, toDays: number): { notBefore: Date; notAfter: Date } {
  const dayMs = 24 * 60 * 60 * 1_000;
  const nowMs = Date.now();
  return {
    notBefore: new Date(nowMs + fromDays * dayMs),
    notAfter: new Date(nowMs + toDays * dayMs),
  };
}

/** A comma would begin the next part of a name. */
function quoted(name: string): string {
  return name.replaceAll(",", "\\,");
}

function pemOf(bytes: ArrayBuffer, label: string): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replaceAll(/.{1,64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}
