import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { onTestFinished } from "vitest";

export interface HttpBackend {
  readonly host: string;
  readonly port: number;
  /** Requests so far. */
  readonly requests: readonly IncomingMessage[];
}

/** A real HTTP backend on loopback, gone at the end of the test. */
export async function startHttpBackend(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpBackend> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { host: "127.0.0.1", port: address.port, requests };
}
