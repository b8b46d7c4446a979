import type { LookupFunction } from "node:net";

import type { z } from "zod";

import type { dockerDiscoverySchema } from "#shared/definition/discovery/docker.ts";

import { failedFetch } from "../discovery.ts";
import { basicAuthorization } from "../http/http-page.ts";
import { httpCall, jsonBody, type HttpPlace } from "../http/http-source.ts";
import { plainSecret, readTlsMaterial, type Got } from "../http/tls-material.ts";

export type DockerDiscovery = z.output<typeof dockerDiscoverySchema>;

/** An engine's API (Docker 1.24 and later; podman speaks it as well). */
export interface DockerApi {
  readonly place: HttpPlace;
  /** Sent with every question. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where what the engine publishes on all addresses is reached from here. */
  readonly hostAddress: string;
}

/** The API at an endpoint. TLS is spoken when the definition asks for it, or the endpoint is https. */
export async function dockerApi(
  lookup: LookupFunction,
  { endpoint, auth, tls }: DockerDiscovery,
): Promise<Got<DockerApi>> {
  const material = await readTlsMaterial(tls);
  if (!material.ok) return material;
  const headers = headersOf(auth);
  if (!headers.ok) return headers;
  const url = URL.parse(endpoint);
  if (url === null) return failedFetch("bad-request", "the endpoint is no address");
  if (url.protocol === "unix:") {
    // The engine of this host publishes here.
    const place = { origin: "http://docker", socketPath: decodeURIComponent(url.pathname), lookup };
    return { ok: true, value: { place, headers: headers.value, hostAddress: "127.0.0.1" } };
  }
  const isSafe = tls !== undefined || url.protocol === "https:";
  const port = url.port || (isSafe ? "2376" : "2375");
  const place = {
    origin: `${isSafe ? "https" : "http"}://${url.hostname}:${port}`,
    lookup,
    tls: material.value,
  };
  return { ok: true, value: { place, headers: headers.value, hostAddress: url.hostname } };
}

function headersOf(auth: DockerDiscovery["auth"]): Got<DockerApi["headers"]> {
  if (auth === undefined) return { ok: true, value: {} };
  const password = plainSecret(auth.password);
  if (!password.ok) return password;
  return { ok: true, value: { authorization: basicAuthorization(auth.username, password.value) } };
}

/** What the API answers to a GET, as JSON. */
export async function askDocker(
  { place, headers }: DockerApi,
  path: string,
  signal: AbortSignal,
): Promise<Got<unknown>> {
  const answer = await httpCall({ place, path, headers }, signal);
  return answer.ok ? jsonBody(answer, place) : answer;
}

/** `?filters=` of the API: a value may be listed several times, any of them will do. */
export function filtersQuery(filters: Readonly<Record<string, readonly string[]>>): string {
  return `?filters=${encodeURIComponent(JSON.stringify(filters))}`;
}
