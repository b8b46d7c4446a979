import { createSocket, type SocketOptions } from "node:dgram";
import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import { dnsResendMs } from "#shared/base/limits.ts";
import { isIpv6, type HostPort } from "#shared/definition/host.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";
import { decodeReply, type DnsReply, type EncodedQuestion } from "./dns-message.ts";

export interface UdpDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly server: HostPort;
}

/**
 * Asks over UDP, again each `dnsResendMs`, until an answer comes or the signal aborts. What is no
 * answer to this question may come from anybody, so it ends nothing; when nothing better has come by
 * then, it is a `bad-answer`.
 */
export function askUdp(
  { clock, lookup, server }: UdpDeps,
  asked: EncodedQuestion,
  signal: AbortSignal,
): Promise<DnsReply | FailedFetch> {
  return new Promise((resolve) => {
    const socket = createSocket({
      type: isIpv6(server.host) ? "udp6" : "udp4",
      lookup: oneAddress(lookup),
    });
    const name = `${server.host}:${server.port}`;
    const send = (): void => socket.send(asked.bytes);
    const end = (outcome: DnsReply | FailedFetch): void => {
      resend.stop();
      signal.removeEventListener("abort", abort);
      resolve(outcome);
      if (!isClosed) socket.close();
    };
    const abort = (): void => {
      if (isAnsweredBadly) end(failedFetch("bad-answer", `${name}: no answer to what was asked`));
      else end(failedFetch("aborted", `${name}: the fetch was ended`));
    };
    const resend = clock.every(dnsResendMs, () => isConnected && send());
    let isConnected = false;
    let isClosed = false;
    let isAnsweredBadly = false;
    socket.on("close", () => (isClosed = true));
    socket.on("error", (error) => {
      const code = systemErrorCode(error) ?? error.name;
      end(failedFetch("unreachable", `${name}: ${code}`));
    });
    socket.on("message", (bytes) => {
      const reply = decodeReply(asked, bytes);
      if (reply === "other" || reply === "broken") isAnsweredBadly = true;
      else end(reply);
    });
    socket.on("connect", () => {
      isConnected = true;
      send();
    });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) return abort();
    // Connected, the system takes packets from that server alone and tells that nobody listens.
    socket.connect(server.port, server.host);
  });
}

/** A datagram socket wants one address at a time. */
function oneAddress(lookup: LookupFunction): NonNullable<SocketOptions["lookup"]> {
  return (host, options, onAnswer) => {
    lookup(host, { ...options, all: false }, (error, address, family) => {
      onAnswer(error, typeof address === "string" ? address : "", family ?? 4);
    });
  };
}
