import { connect, type LookupFunction } from "node:net";

import { systemErrorCode } from "#shared/base/fault.ts";
import type { HostPort } from "#shared/definition/host.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";
import { decodeReply, type DnsReply, type EncodedQuestion } from "./dns-message.ts";

/** Asks over a TCP connection of its own; a message has its length before it (RFC 1035, 4.2.2). */
export function askTcp(
  { lookup, server }: { readonly lookup: LookupFunction; readonly server: HostPort },
  asked: EncodedQuestion,
  signal: AbortSignal,
): Promise<DnsReply | FailedFetch> {
  return new Promise((resolve) => {
    const name = `${server.host}:${server.port}`;
    const socket = connect({ host: server.host, port: server.port, lookup });
    let received = Buffer.alloc(0);
    const end = (outcome: DnsReply | FailedFetch): void => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      resolve(outcome);
    };
    // Half an answer says more than that no more came.
    const endWithout = (code: string, detail: string): void => {
      if (received.length > 0) end(failedFetch("bad-answer", `${name}: half an answer came`));
      else end(failedFetch(code, `${name}: ${detail}`));
    };
    const abort = (): void => endWithout("aborted", "the fetch was ended");
    socket.on("error", (error) => endWithout("unreachable", systemErrorCode(error) ?? error.name));
    socket.on("connect", () => socket.write(Buffer.concat([lengthOf(asked.bytes), asked.bytes])));
    // A message has at most 65,535 bytes, and whatever comes after it is not waited for.
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const message = messageIn(received);
      if (message === undefined) return;
      const reply = decodeReply(asked, message);
      const isReply = reply !== "other" && reply !== "broken";
      end(isReply ? reply : failedFetch("bad-answer", `${name}: no answer to what was asked`));
    });
    socket.on("close", () => endWithout("unreachable", "closed without an answer"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return length;
}

function messageIn(received: Buffer): Buffer | undefined {
  if (received.length < 2) return undefined;
  const end = 2 + received.readUInt16BE(0);
  return received.length < end ? undefined : received.subarray(2, end);
}
