import type { z } from "zod";

import type { sourceTlsSchema } from "#shared/definition/discovery/source-tls.ts";
import type { SecretValue } from "#shared/definition/secret-value.ts";
import { isSecretReference } from "#shared/definition/secret.ts";

import { readSmallFile as readFile } from "../../runtime/read-small-file.ts";
import { failedFetch, type FailedFetch } from "../discovery.ts";

export type SourceTls = z.output<typeof sourceTlsSchema>;

/** What a TLS connection to a source is made with; what is missing is Node's own default. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Of a key that is encrypted. */
  readonly passphrase?: string;
}

/** A value, or why there is none. */
export type Got<T> = { readonly ok: true; readonly value: T } | FailedFetch;

/** Files are read each time, so that a certificate that was renewed is used. */
export async function readTlsMaterial(tls: SourceTls | undefined): Promise<Got<TlsMaterial>> {
  const authority = tls?.rootCa;
  const ca = authority === undefined ? nothing : await textOf(authority);
  if (!ca.ok) return ca;
  const pair = await readPair(tls?.clientCertificate);
  if (!pair.ok) return pair;
  return { ok: true, value: { ...(ca.value === "" ? {} : { ca: ca.value }), ...pair.value } };
}

/** The plain text of a secret that was revealed before. */
export function plainSecret(secret: SecretValue): Got<string> {
  if (!isSecretReference(secret)) return { ok: true, value: secret };
  return failedFetch("no-secret", `the secret ${secret.secret} is not known to this node`);
}

/** The text of a small file, or why it cannot be read; its content is never part of that. */
export async function readSmallFile(path: string): Promise<Got<string>> {
  const read = await readFile(path);
  return read.ok ? read : failedFetch("bad-file", read.detail);
}

const nothing: Got<string> = { ok: true, value: "" };

type Authority = NonNullable<SourceTls["rootCa"]>;

function textOf(authority: Authority): Promise<Got<string>> {
  if ("file" in authority) return readSmallFile(authority.file);
  return Promise.resolve({ ok: true, value: authority.pem });
}

async function readPair(pair: SourceTls["clientCertificate"]): Promise<Got<TlsMaterial>> {
  if (pair === undefined) return { ok: true, value: {} };
  if ("certificate" in pair) {
    const detail = `the certificate ${pair.certificate} is not known to this node`;
    return failedFetch("no-certificate", detail);
  }
  if ("pem" in pair) {
    const key = plainSecret(pair.pem.key);
    return key.ok ? { ok: true, value: { cert: pair.pem.certificate, key: key.value } } : key;
  }
  const cert = await readSmallFile(pair.files.certPath);
  if (!cert.ok) return cert;
  const key = await readSmallFile(pair.files.keyPath);
  if (!key.ok) return key;
  const pem = { cert: cert.value, key: key.value };
  if (pair.files.passphrase === undefined) return { ok: true, value: pem };
  const passphrase = plainSecret(pair.files.passphrase);
  return passphrase.ok ? { ok: true, value: { ...pem, passphrase: passphrase.value } } : passphrase;
}
