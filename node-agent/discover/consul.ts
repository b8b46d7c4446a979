import type { LookupFunction } from "node:net";

import { z } from "zod";

import { sleep, type Clock } from "#shared/base/clock.ts";
import { consulAnswerMsMax, consulWaitMs, lookAgainMs } from "#shared/base/limits.ts";
import type { consulDiscoverySchema } from "#shared/definition/discovery/consul.ts";

import {
  failedFetch,
  type Announce,
  type DiscoverySource,
  type FailedFetch,
  type Fetched,
} from "./discovery.ts";
import { Gathering } from "./gathering.ts";
import { basicAuthorization } from "./http/http-page.ts";
import {
  badStatus,
  httpCall,
  jsonBody,
  placeName,
  type HttpAnswer,
  type HttpCall,
} from "./http/http-source.ts";
import { plainSecret, readTlsMaterial, type Got } from "./http/tls-material.ts";
import { wholeNumber } from "./read-backend.ts";

export interface ConsulDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
}

export type ConsulDiscovery = z.output<typeof consulDiscoverySchema>;

/**
 * Backends from the instances of a Consul service (`/v1/health/service`), watched by blocking
 * queries: the answer to one that names an index waits until there is something newer.
 */
export function consulSource(deps: ConsulDeps, discovery: ConsulDiscovery): DiscoverySource {
  return {
    fetch: async (signal) => {
      const call = await callOf(deps, discovery);
      if (!call.ok) return call;
      const answer = await httpCall(call.value, signal);
      if (!answer.ok) return answer;
      const body = jsonBody(answer, call.value.place);
      return body.ok ? backendsIn(body.value) : body;
    },
    watch: (announce, signal) => watch({ ...deps, discovery, signal }, announce),
  };
}

interface Watching extends ConsulDeps {
  readonly discovery: ConsulDiscovery;
  readonly signal: AbortSignal;
}

async function watch(watching: Watching, announce: Announce): Promise<FailedFetch> {
  let index = 0;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- each question waits for what the one before said
    const next = await nextIndex(watching, index);
    if (!next.ok) return next;
    if (index === 0) announce("standing");
    else if (next.value !== index) announce("changed");
    // An index that went back belongs to another state of the server: begin again.
    index = next.value < index ? 0 : next.value;
    // A server that answers at once whatever it is asked would be asked without end.
    // oxlint-disable-next-line no-await-in-loop -- the pause is the point
    if (!(await pause(watching))) return failedFetch("aborted", "the watch was ended");
  }
}

async function nextIndex(watching: Watching, index: number): Promise<Got<number>> {
  const { clock, discovery, signal } = watching;
  const call = await callOf(watching, discovery);
  if (!call.ok) return call;
  const { place, path } = call.value;
  const waiting = index === 0 ? "" : `&index=${index}&wait=${consulWaitMs}ms`;
  const bound = new AbortController();
  const timer = clock.after(consulAnswerMsMax, () => bound.abort());
  const signals = AbortSignal.any([signal, bound.signal]);
  const answer = await httpCall({ ...call.value, path: `${path}${waiting}` }, signals).finally(() =>
    timer.stop(),
  );
  if (!answer.ok) return answer;
  const bad = badStatus(answer.status, place);
  if (bad !== undefined) return bad;
  const next = indexOf(answer);
  // Without an index every question would be answered at once.
  if (next !== undefined) return { ok: true, value: next };
  return failedFetch("bad-answer", `${placeName(place)}: no X-Consul-Index`);
}

/** False when the watch ended meanwhile. */
function pause({ clock, signal }: Watching): Promise<boolean> {
  return sleep(clock, lookAgainMs, signal).then(
    () => true,
    () => false,
  );
}

/** At least 1: an index of 0 would not wait (Consul's documentation of blocking queries). */
function indexOf({ headers }: HttpAnswer): number | undefined {
  const text = headers["x-consul-index"];
  const index = typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  return index === undefined ? undefined : Math.max(1, index);
}

async function callOf({ lookup }: ConsulDeps, discovery: ConsulDiscovery): Promise<Got<HttpCall>> {
  const tls = await readTlsMaterial(discovery.tls);
  if (!tls.ok) return tls;
  const headers = headersOf(discovery);
  if (!headers.ok) return headers;
  const scheme = discovery.tls === undefined ? "http" : "https";
  const place = { origin: `${scheme}://${discovery.host}`, lookup, tls: tls.value };
  return { ok: true, value: { place, path: pathOf(discovery), headers: headers.value } };
}

function pathOf(discovery: ConsulDiscovery): string {
  const query = new URLSearchParams();
  if (discovery.servicePassingOnly) query.set("passing", "1");
  if (discovery.serviceTag !== undefined) query.set("tag", discovery.serviceTag);
  if (discovery.datacenter !== undefined) query.set("dc", discovery.datacenter);
  return `/v1/health/service/${encodeURIComponent(discovery.serviceName)}?${query.toString()}`;
}

function headersOf({ aclToken, auth }: ConsulDiscovery): Got<Readonly<Record<string, string>>> {
  const token = aclToken === undefined ? undefined : plainSecret(aclToken);
  if (token?.ok === false) return token;
  const password = auth === undefined ? undefined : plainSecret(auth.password);
  if (password?.ok === false) return password;
  const basic =
    auth === undefined ? undefined : basicAuthorization(auth.username, password?.value ?? "");
  return {
    ok: true,
    value: {
      ...(token === undefined ? {} : { "x-consul-token": token.value }),
      ...(basic === undefined ? {} : { authorization: basic }),
    },
  };
}

/** What is read of an instance; everything else may look as it likes. */
const instanceSchema = z.object({
  Node: z.object({ Address: z.string() }),
  Service: z.object({
    Address: z.string().nullish(),
    Port: z.number(),
    Tags: z.array(z.string()).nullish(),
    Weights: z.object({ Passing: z.number(), Warning: z.number() }).nullish(),
  }),
  Checks: z.array(z.object({ Status: z.string() })).nullish(),
});

type Instance = z.output<typeof instanceSchema>;

function backendsIn(value: unknown): Fetched {
  if (!Array.isArray(value)) return failedFetch("bad-answer", "the answer is no list of instances");
  const gathering = new Gathering();
  for (const [index, item] of value.entries()) {
    if (!gathering.hasRoom()) break;
    const instance = instanceSchema.safeParse(item);
    if (instance.success) findIn(gathering, instance.data, index);
    else gathering.skip(`the instance ${index} is none`);
  }
  return gathering.list();
}

function findIn(gathering: Gathering, instance: Instance, index: number): void {
  const { Node, Service } = instance;
  const tag = (name: string): string | undefined => tagValue(Service.Tags ?? [], name);
  const found = {
    // Without an address of its own a service is where its node is.
    host: Service.Address || Node.Address,
    port: Service.Port,
    weight: wholeNumber(tag("weight")) ?? weightOf(instance),
    priority: wholeNumber(tag("priority")),
    maxConnections: wholeNumber(tag("max_connections")),
    sni: tag("sni"),
  };
  gathering.find(found, `the instance ${index}`);
}

/** Consul's own weights: one while all checks pass, another one while some warn. */
function weightOf({ Service, Checks }: Instance): number | undefined {
  const warns = (Checks ?? []).some(({ Status }) => Status === "warning");
  return warns ? Service.Weights?.Warning : Service.Weights?.Passing;
}

/** The value of a tag `name=value`. */
function tagValue(tags: readonly string[], name: string): string | undefined {
  return tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
}
