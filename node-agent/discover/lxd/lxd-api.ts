import type { LookupFunction } from "node:net";

import type { z } from "zod";

import type { Clock } from "#shared/base/clock.ts";
import type { lxdDiscoverySchema } from "#shared/definition/discovery/lxd.ts";

import { failedFetch } from "../discovery.ts";
import type { HttpPlace } from "../http/http-source.ts";
import { readSmallFile, type Got } from "../http/tls-material.ts";
import { makeClientCertificate } from "./client-certificate.ts";
import { acceptServerCertificate } from "./server-certificate.ts";
import { trustFiles, type TrustFiles } from "./trust-files.ts";

export type LxdDiscovery = z.output<typeof lxdDiscoverySchema>;

export interface LxdDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
}

/**
 * How the server is reached. Over https the client's certificate and the server's are read from the
 * client's folder, and made or accepted first where the definition says so and they are not there.
 */
export async function lxdPlace(
  { clock, lookup }: LxdDeps,
  discovery: LxdDiscovery,
  signal: AbortSignal,
): Promise<Got<HttpPlace>> {
  const { serverAddress } = discovery;
  if (serverAddress.startsWith("unix:")) {
    const socketPath = serverAddress.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    return { ok: true, value: { origin: "http://lxd", socketPath, lookup } };
  }
  const url = URL.parse(serverAddress);
  if (url === null) return failedFetch("bad-request", "the server's address is no address");
  const origin = `https://${url.hostname}:${url.port || "8443"}`;
  const files = trustFiles(discovery);
  const pair = await clientPair(clock, files, discovery);
  if (!pair.ok) return pair;
  const pinned = await pinnedCertificate({ origin, lookup, files, signal }, discovery);
  if (!pinned.ok) return pinned;
  const ca = pinned.value;
  // Who shows the very certificate that was accepted need not be called as it says.
  const pin = ca === "" ? {} : { ca, checkServerIdentity: () => undefined };
  return { ok: true, value: { origin, lookup, tls: { ...pair.value, ...pin } } };
}

async function clientPair(
  clock: Clock,
  files: TrustFiles,
  { generateClientCerts }: LxdDiscovery,
): Promise<Got<{ readonly cert: string; readonly key: string }>> {
  const cert = await readSmallFile(files.clientCertificate);
  const key = await readSmallFile(files.clientKey);
  if (cert.ok && key.ok) return { ok: true, value: { cert: cert.value, key: key.value } };
  if (generateClientCerts && isMissing(cert) && isMissing(key)) {
    return makeClientCertificate(files, clock.nowMs());
  }
  return cert.ok ? failureOf(key) : failureOf(cert);
}

function failureOf(got: Got<string>): Got<never> {
  return got.ok ? failedFetch("bad-file", "half of the client's certificate is missing") : got;
}

interface PinTerms {
  readonly origin: string;
  readonly lookup: LookupFunction;
  readonly files: TrustFiles;
  readonly signal: AbortSignal;
}

/** Empty when none was ever accepted. */
async function pinnedCertificate(
  { origin, lookup, files, signal }: PinTerms,
  { acceptServerCert }: LxdDiscovery,
): Promise<Got<string>> {
  const known = await readSmallFile(files.serverCertificate);
  if (known.ok || !isMissing(known)) return known;
  if (!acceptServerCert) return { ok: true, value: "" };
  return acceptServerCertificate({ origin, lookup, signal }, files.serverCertificate);
}

function isMissing(got: Got<string>): boolean {
  return !got.ok && got.detail.endsWith("ENOENT");
}
