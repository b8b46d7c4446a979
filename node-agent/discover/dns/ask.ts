import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import type { HostPort } from "#shared/definition/host.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";
import { askTcp } from "./ask-tcp.ts";
import { askUdp } from "./ask-udp.ts";
import { encodeQuestion, type DnsQuestion, type DnsReply } from "./dns-message.ts";

export interface DnsServer {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly server: HostPort;
  readonly protocol: "udp" | "tcp";
}

/**
 * Asks one server one question. An answer that did not fit into UDP is asked for again over TCP, so
 * it is always whole. Every code but NOERROR is a failure: `dns-nxdomain`, `dns-servfail` …
 */
export async function ask(
  dns: DnsServer,
  question: DnsQuestion,
  signal: AbortSignal,
): Promise<(DnsReply & { readonly ok: true }) | FailedFetch> {
  const { server, protocol } = dns;
  const asked = encodeQuestion(question);
  const first = await (protocol === "udp"
    ? askUdp(dns, asked, signal)
    : askTcp(dns, asked, signal));
  const isCut = "isTruncated" in first && first.isTruncated && protocol === "udp";
  const reply = isCut ? await askTcp(dns, asked, signal) : first;
  if ("ok" in reply) return reply;
  if (reply.code === "NOERROR") return { ...reply, ok: true };
  const detail = `${server.host}:${server.port} answers ${reply.code} for ${asked.question.name}`;
  return failedFetch(`dns-${reply.code.toLowerCase()}`, detail);
}
