import type { LookupFunction } from "node:net";

import type { Answer, SrvAnswer } from "dns-packet";
import type { z } from "zod";

import type { Clock } from "#shared/base/clock.ts";
import {
  sourceItemsMax,
  sourceQuestionsAtOnceMax,
  ttlMsMax,
  ttlMsMin,
} from "#shared/base/limits.ts";
import type { srvDiscoverySchema } from "#shared/definition/discovery/srv.ts";
import { readHostPort } from "#shared/definition/host.ts";

import { failedFetch, type DiscoverySource, type FailedFetch, type Fetched } from "./discovery.ts";
import { ask, type DnsServer } from "./dns/ask.ts";
import { canonicalName, type DnsReply } from "./dns/dns-message.ts";
import { Gathering } from "./gathering.ts";
import { inTurns } from "./in-turns.ts";

export interface SrvDeps {
  readonly clock: Clock;
  /** Turns the name of the server itself into an address. */
  readonly lookup: LookupFunction;
}

export type SrvDiscovery = z.output<typeof srvDiscoverySchema>;

/**
 * Backends from DNS SRV records (RFC 2782): every address of every target, with the record's port,
 * priority and weight. Addresses that come with the answer are used; others are asked for.
 */
export function srvSource(deps: SrvDeps, discovery: SrvDiscovery): DiscoverySource {
  const server = readHostPort(discovery.lookupServer);
  return {
    fetch: async (signal) => {
      if (!server.ok) return failedFetch("bad-request", server.detail);
      const dns = { ...deps, server: server.value, protocol: discovery.dnsProtocol };
      const reply = await ask(dns, { name: discovery.lookupPattern, type: "SRV" }, signal);
      if (reply.ok) return backendsOf(reply, { dns, discovery, signal });
      const isEmpty = reply.code === "dns-nxdomain" && discovery.nxdomain === "empty";
      return isEmpty ? { ok: true, backends: [] } : reply;
    },
  };
}

interface Terms {
  readonly dns: DnsServer;
  readonly discovery: SrvDiscovery;
  readonly signal: AbortSignal;
}

async function backendsOf(reply: DnsReply, terms: Terms): Promise<Fetched> {
  // Other records, of signatures or of an alias that led here, are no targets; the root as a target
  // says that the service is not offered here (RFC 2782).
  const records = reply.answers
    .filter(isSrv)
    .filter(({ data }) => canonicalName(data.target) !== "")
    .slice(0, sourceItemsMax);
  const known = addressesByName(reply.additionals);
  const found = await inTurns(records, sourceQuestionsAtOnceMax, async ({ data: { target } }) => {
    const addresses = known.get(canonicalName(target));
    return addresses === undefined ? addressesOf(target, terms) : { ok: true as const, addresses };
  });
  const failure = firstFailure(found);
  if (failure !== undefined) return failure;
  const gathering = new Gathering();
  for (const [index, { data }] of records.entries()) {
    const { target, port, priority, weight } = data;
    const sni = target.replace(/\.$/, "");
    const looked = found[index];
    const hosts = looked?.ok === true ? looked.addresses : [];
    if (hosts.length === 0) gathering.skip(`the target ${sni} has no address`);
    for (const host of hosts) {
      if (!gathering.hasRoom()) break;
      gathering.find({ host, port, priority, weight, sni }, `the target ${sni}`);
    }
  }
  const list = gathering.list();
  return list.ok && terms.discovery.followTtl === true ? { ...list, ...ttlField(reply) } : list;
}

type Addresses = { readonly ok: true; readonly addresses: readonly string[] } | FailedFetch;

/**
 * The addresses of a target, none when there is no such name. When its name server cannot say, nobody
 * knows whether the target has any: that is a failure, and no answer without the target.
 */
async function addressesOf(target: string, { dns, signal }: Terms): Promise<Addresses> {
  const replies = await Promise.all(
    (["A", "AAAA"] as const).map((type) => ask(dns, { name: target, type }, signal)),
  );
  const failure = firstFailure(replies.filter((reply) => !isNoSuchName(reply)));
  if (failure !== undefined) return failure;
  // An alias leads to addresses under another name.
  const answers = replies.flatMap((reply) => (reply.ok ? reply.answers : []));
  return { ok: true, addresses: answers.flatMap(addressIn) };
}

function isNoSuchName(reply: { readonly ok: true } | FailedFetch): boolean {
  return !reply.ok && reply.code === "dns-nxdomain";
}

/** The first that says why, before those that were only ended because of the time. */
function firstFailure(
  outcomes: readonly ({ readonly ok: true } | FailedFetch)[],
): FailedFetch | undefined {
  const failures = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome]));
  return failures.find(({ code }) => code !== "aborted") ?? failures[0];
}

function addressesByName(records: readonly Answer[]): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (const record of records) {
    const name = canonicalName(record.name);
    for (const address of addressIn(record)) {
      byName.set(name, [...(byName.get(name) ?? []), address]);
    }
  }
  return byName;
}

function addressIn(record: Answer): readonly string[] {
  return record.type === "A" || record.type === "AAAA" ? [record.data] : [];
}

function isSrv(record: Answer): record is SrvAnswer {
  return record.type === "SRV";
}

/** The shortest TTL of all records that were used. */
function ttlField({ answers, additionals }: DnsReply): { readonly againMs?: number } {
  const seconds = [
    ...answers,
    ...additionals.filter((record) => addressIn(record).length > 0),
  ].flatMap((record) => ("ttl" in record && record.ttl !== undefined ? [record.ttl] : []));
  if (seconds.length === 0) return {};
  return { againMs: Math.min(ttlMsMax, Math.max(ttlMsMin, Math.min(...seconds) * 1_000)) };
}
