import http, { type IncomingMessage, type Server } from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";

import { getRequestListener } from "@hono/node-server";

import type { Clock } from "#shared/base/clock.ts";
import { Fault, systemErrorCode } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  controlConnectionsMax,
  idleHttpConnectionMsMax,
  requestHeaderBytesMax,
  requestHeadersMsMax,
  requestMsMax,
  stopRequestsMsMax,
} from "#shared/base/limits.ts";

import { refuseUnreadable, unreadableAnswer } from "./unreadable-request.ts";

/** Takes over a connection that asked for an upgrade, and owns its socket from then on. */
export interface UpgradeTaker {
  /** Whether this request's upgrade is ours; the others are answered as ordinary requests. */
  takes(request: IncomingMessage): boolean;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The app; its bindings hold the request and the response of Node.js. */
  readonly fetch: (request: Request, bindings: object) => Response | Promise<Response>;
  readonly upgrades: UpgradeTaker;
  readonly clock: Clock;
}

/**
 * A listening HTTP or HTTPS server. Its stop lets requests at work finish, within a bound, and ends
 * every other connection; those that were upgraded have another owner and stay.
 */
export interface HttpServer extends Stoppable {
  readonly url: string;
  readonly port: number;
}

/**
 * Listens, with a bound on everything a client can hold: header bytes, times, connections.
 *
 * @throws Fault `http/address-in-use`, `http/address-not-available` or `http/cannot-listen`
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const work = new RequestsAtWork();
  const server = createServer(options, work);
  server.on("clientError", refuseUnreadable);
  server.on("upgrade", (request, socket, head) =>
    options.upgrades.handleUpgrade(request, socket, head),
  );
  await listening(server, options);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    name: "http-server",
    port,
    url: `${options.tls === undefined ? "http" : "https"}://${host}:${port}`,
    stop: () => stopped(server, work, options.clock),
  };
}

function createServer(options: HttpServerOptions, work: RequestsAtWork): Server {
  const bounds = {
    maxHeaderSize: requestHeaderBytesMax,
    headersTimeout: requestHeadersMsMax,
    requestTimeout: requestMsMax,
    keepAliveTimeout: idleHttpConnectionMsMax,
    connectionsCheckingInterval: 1_000,
    shouldUpgradeCallback: (request: IncomingMessage) => options.upgrades.takes(request),
    noDelay: true,
  };
  const listener = getRequestListener(options.fetch, {
    overrideGlobalObjects: false,
    hostname: options.host,
    errorHandler: unreadableAnswer,
  });
  const onRequest = (...[incoming, outgoing]: Parameters<typeof listener>): void => {
    work.begin();
    outgoing.once("close", () => work.end());
    void listener(incoming, outgoing);
  };
  const server =
    options.tls === undefined
      ? http.createServer(bounds, onRequest)
      : https.createServer({ ...bounds, ...options.tls, minVersion: "TLSv1.2" }, onRequest);
  server.maxConnections = controlConnectionsMax;
  return server;
}

function listening(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => reject(listenFault(error, host, port));
    server.once("error", refuse);
    server.listen({ host, port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

function listenFault(cause: Error, host: string, port: number): Fault {
  const code = systemErrorCode(cause);
  const at = `${host}:${port}`;
  const owner = "platform";
  if (code === "EADDRINUSE") {
    const message = `${at} is taken by another process; choose another port with --port`;
    return new Fault({ code: "http/address-in-use", owner, message, cause });
  }
  if (code === "EADDRNOTAVAIL") {
    const message = `${at}: this host has no such address; choose another with --host`;
    return new Fault({ code: "http/address-not-available", owner, message, cause });
  }
  const message = `cannot listen on ${at}: ${cause.message}`;
  return new Fault({ code: "http/cannot-listen", owner, message, cause });
}

/** Requests that have not been answered yet. */
class RequestsAtWork {
  #count = 0;
  #whenNone: (() => void) | undefined;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#whenNone?.();
  }

  /** Settles once there are none; asked once, at the end. */
  none(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenNone = resolve;
    });
  }
}

async function stopped(server: Server, work: RequestsAtWork, clock: Clock): Promise<void> {
  server.close();
  const late = Promise.withResolvers<void>();
  const timer = clock.after(stopRequestsMsMax, () => late.resolve());
  await Promise.race([work.none(), late.promise]);
  timer.stop();
  server.closeAllConnections();
}
