import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

import { decode, encode } from "dns-packet";
import { onTestFinished } from "vitest";

type QuestionType = "A" | "AAAA";

/** What a name server does with a question: addresses, an error, or nothing at all. */
export type NameAnswer = readonly string[] | "no-such-name" | "server-failure" | "silence";

export interface NameServer {
  /** `address:port`, as `Resolver.setServers` takes it. */
  readonly address: string;
  /** Questions so far, `name type`. */
  readonly questions: readonly string[];
}

/** Response codes of RFC 1035, section 4.1.1. */
const responseCodes = { "no-such-name": 3, "server-failure": 2 } as const;

/** A real DNS server on loopback, gone at the end of the test; a silent one is a black hole. */
export async function startNameServer(
  answer: (name: string, type: QuestionType) => NameAnswer,
  { ttlS = 0 }: { readonly ttlS?: number } = {},
): Promise<NameServer> {
  const questions: string[] = [];
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.on("error", () => undefined);
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const { id = 0, questions: [question] = [] } = decode(message);
    if (question === undefined) return;
    const { name, type } = question;
    if (type !== "A" && type !== "AAAA") return;
    questions.push(`${name} ${type}`);
    const given = answer(name, type);
    if (given === "silence") return;
    const addresses = typeof given === "string" ? [] : given.filter((one) => fits(one, type));
    const reply = encode({
      type: "response",
      id,
      flags: typeof given === "string" ? responseCodes[given] : 0,
      questions: [question],
      answers: addresses.map((data) => ({ name, type, ttl: ttlS, data })),
    });
    socket.send(reply, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { address: `127.0.0.1:${socket.address().port}`, questions };
}

function fits(address: string, type: QuestionType): boolean {
  return isIPv6(address) === (type === "AAAA");
}
