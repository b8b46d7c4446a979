import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";

import { onTestFinished } from "vitest";

import { listeningPort } from "./listening-port.ts";
import type { TestCertificate } from "./test-certificates.ts";

/** What a page server answers to one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface PageServer {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  readonly port: number;
  /** Requests so far. */
  readonly requests: readonly IncomingMessage[];
  /** Connections that are open. */
  open(): number;
  /** Answers differently from now on. */
  answer: Answer;
}

export interface PageServerOptions {
  /** A Unix socket instead of a port. */
  readonly path?: string;
  /** Speaks TLS with this. */
  readonly tls?: TestCertificate & {
    /** Asks for a client certificate of this authority, and turns others away. */
    readonly clientAuthority?: string;
  };
}

/** A real HTTP server on loopback, gone at the end of the test. */
export async function startPages(
  answer: Answer,
  options: PageServerOptions = {},
): Promise<PageServer> {
  const requests: IncomingMessage[] = [];
  const pages = { answer };
  const handle: Answer = (request, response) => {
    requests.push(request);
    pages.answer(request, response);
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer(handle)
      : createTlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            ...(tls.clientAuthority === undefined
              ? {}
              : { ca: tls.clientAuthority, requestCert: true, rejectUnauthorized: true }),
          },
          handle,
        );
  let open = 0;
  server.on("connection", (socket: Socket) => {
    open += 1;
    socket.on("close", () => (open -= 1));
  });
  server.listen(
    options.path === undefined ? { host: "127.0.0.1", port: 0 } : { path: options.path },
  );
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const port = options.path === undefined ? listeningPort(server.address()) : 0;
  return {
    origin: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    requests,
    open: () => open,
    get answer() {
      return pages.answer;
    },
    set answer(next: Answer) {
      pages.answer = next;
    },
  };
}

/** A page with this text. */
export function page(text: string, status = 200): Answer {
  return (_, response) => {
    response.writeHead(status).end(text);
  };
}
