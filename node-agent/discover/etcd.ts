import type { LookupFunction } from "node:net";

import { z } from "zod";

import type { Clock } from "#shared/base/clock.ts";
import { sourceItemsMax } from "#shared/base/limits.ts";
import type { etcdDiscoverySchema } from "#shared/definition/discovery/etcd.ts";

import { failedFetch, type DiscoverySource, type FailedFetch, type Fetched } from "./discovery.ts";
import { Gathering } from "./gathering.ts";
import { httpCall, httpStream, jsonBody, placeName, type HttpPlace } from "./http/http-source.ts";
import { plainSecret, readTlsMaterial, type Got } from "./http/tls-material.ts";
import { readPlainLine } from "./lines.ts";
import { readBackend, wholeNumber } from "./read-backend.ts";

export interface EtcdDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
}

export type EtcdDiscovery = z.output<typeof etcdDiscoverySchema>;

/**
 * Backends from the keys of an etcd that begin with a prefix, by its JSON gateway
 * (etcd.io/docs, "gRPC gateway"), watched by a watch on that prefix.
 */
export function etcdSource({ clock, lookup }: EtcdDeps, discovery: EtcdDiscovery): DiscoverySource {
  return {
    fetch: async (signal) => {
      const session = await openSession(lookup, discovery, signal);
      if (!session.ok) return session;
      const range = { ...rangeOf(discovery), limit: sourceItemsMax };
      const answer = await ask(session.value, { path: "/v3/kv/range", body: range }, signal);
      return answer.ok ? backendsIn(answer.value) : answer;
    },
    watch: async (announce, signal) => {
      const session = await openSession(lookup, discovery, signal);
      if (!session.ok) return session;
      const { place, headers } = session.value;
      const body = JSON.stringify({ create_request: rangeOf(discovery) });
      const call = { place, headers, method: "POST", path: "/v3/watch", body } as const;
      const stream = { onBegin: () => announce("standing"), onChunk: () => announce("changed") };
      return httpStream({ clock, call }, stream, signal);
    },
  };
}

/** Where to ask, and with which token. */
interface Session {
  readonly place: HttpPlace;
  readonly headers: Readonly<Record<string, string>>;
}

async function openSession(
  lookup: LookupFunction,
  { endpoint, auth, tls }: EtcdDiscovery,
  signal: AbortSignal,
): Promise<Got<Session>> {
  const material = await readTlsMaterial(tls);
  if (!material.ok) return material;
  const place = { origin: new URL(endpoint).origin, lookup, tls: material.value };
  if (auth === undefined) return { ok: true, value: { place, headers: {} } };
  const password = plainSecret(auth.password);
  if (!password.ok) return password;
  const body = { name: auth.username, password: password.value };
  const answer = await ask({ place, headers: {} }, { path: "/v3/auth/authenticate", body }, signal);
  if (!answer.ok) return answer;
  const token = z.object({ token: z.string() }).safeParse(answer.value);
  if (!token.success) return failedFetch("bad-answer", `${placeName(place)}: no token was given`);
  return { ok: true, value: { place, headers: { authorization: token.data.token } } };
}

async function ask(
  { place, headers }: Session,
  { path, body }: { readonly path: string; readonly body: unknown },
  signal: AbortSignal,
): Promise<{ readonly ok: true; readonly value: unknown } | FailedFetch> {
  const call = { place, headers, method: "POST", path, body: JSON.stringify(body) } as const;
  const answer = await httpCall(call, signal);
  return answer.ok ? jsonBody(answer, place) : answer;
}

/** From the prefix up to, and without, the first key that does not begin with it. */
function rangeOf({ prefix }: EtcdDiscovery): { readonly key: string; readonly range_end: string } {
  const key = Buffer.from(prefix, "utf8");
  const end = Buffer.from(key);
  // UTF-8 has no byte 255, so the last one can always be raised.
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return { key: key.toString("base64"), range_end: end.toString("base64") };
}

const rangeSchema = z.object({
  kvs: z.array(z.object({ key: z.string(), value: z.string().default("") })).default([]),
});

function backendsIn(value: unknown): Fetched {
  const range = rangeSchema.safeParse(value);
  if (!range.success) return failedFetch("bad-answer", "no range of keys was answered");
  const gathering = new Gathering();
  for (const { key, value: encoded } of range.data.kvs) {
    if (!gathering.hasRoom()) break;
    const text = Buffer.from(encoded, "base64").toString("utf8").trim();
    const backend = text.startsWith("{") ? fromObject(text) : readPlainLine(text);
    if (backend !== undefined && !("problem" in backend)) gathering.add(backend);
    else gathering.skip(`the key ${Buffer.from(key, "base64").toString("utf8")} holds no backend`);
  }
  return gathering.list();
}

const objectSchema = z.object({
  host: z.string(),
  port: z.union([z.number(), z.string().transform((text) => wholeNumber(text) ?? Number.NaN)]),
  weight: z.unknown().optional(),
  priority: z.unknown().optional(),
  max_connections: z.unknown().optional(),
  sni: z.unknown().optional(),
});

function fromObject(text: string): ReturnType<typeof readBackend> {
  const object = objectSchema.safeParse(parsedJson(text));
  if (!object.success) return undefined;
  const { max_connections: maxConnections, ...fields } = object.data;
  return readBackend({ ...fields, maxConnections });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is no backend; the caller says so, without quoting it.
    return undefined;
  }
}
