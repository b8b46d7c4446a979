import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

import ipaddr from "ipaddr.js";
import { onTestFinished } from "vitest";

/** What a name server does with a question: addresses, an error, or nothing at all. */
export type NameAnswer = readonly string[] | "no-such-name" | "server-failure" | "silence";

export interface NameServer {
  /** `address:port`, as `Resolver.setServers` takes it. */
  readonly address: string;
  /** Questions so far, `name type`. */
  readonly questions: readonly string[];
}

export interface NameServerOptions {
  readonly ttlS?: number;
}

const responseCodes = { "no-such-name": 3, "server-failure": 2 } as const;
const typeNames: Readonly<Record<number, "A" | "AAAA">> = { 1: "A", 28: "AAAA" };

/** A real DNS server on loopback, gone at the end of the test; a silent one is a black hole. */
export async function startNameServer(
  answer: (name: string, type: "A" | "AAAA") => NameAnswer,
  { ttlS = 0 }: NameServerOptions = {},
): Promise<NameServer> {
  const questions: string[] = [];
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.on("error", () => undefined);
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionOf(message);
    if (type === undefined) return;
    questions.push(`${name} ${type}`);
    const given = answer(name, type);
    if (given === "silence") return;
    socket.send(replyTo(message.subarray(0, end), { given, type, ttlS }), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { address: `127.0.0.1:${socket.address().port}`, questions };
}

function questionOf(message: Buffer): {
  name: string;
  type: "A" | "AAAA" | undefined;
  end: number;
} {
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), type: typeNames[message.readUInt16BE(at + 1)], end: at + 5 };
}

interface Reply {
  readonly given: Exclude<NameAnswer, "silence">;
  readonly type: "A" | "AAAA";
  readonly ttlS: number;
}

/** The question comes back with its header turned into an answer's (RFC 1035, section 4). */
function replyTo(question: Buffer, { given, type, ttlS }: Reply): Buffer {
  const addresses =
    typeof given === "string" ? [] : given.filter((one) => isIPv6(one) === (type === "AAAA"));
  const reply = Buffer.from(question);
  reply.writeUInt16BE(0x8180 | (typeof given === "string" ? responseCodes[given] : 0), 2);
  reply.writeUInt16BE(addresses.length, 6);
  reply.writeUInt32BE(0, 8);
  return Buffer.concat([reply, ...addresses.map((address) => record(address, ttlS))]);
}

function record(address: string, ttlS: number): Buffer {
  const bytes = ipaddr.parse(address).toByteArray();
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(bytes.length === 16 ? 28 : 1, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlS, 6);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, Buffer.from(bytes)]);
}
