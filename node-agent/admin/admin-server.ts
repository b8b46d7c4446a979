import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { hostname } from "node:os";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { adminConnectionsMax, adminRequestMsMax, adminRetryMs } from "#shared/base/limits.ts";

import type { Log } from "../runtime/log.ts";
import { descriptorOf } from "../runtime/server-descriptor.ts";
import { adminAnswer, type AdminAnswer, type AdminSource } from "./admin-routes.ts";
import { isOwnHost } from "./host-check.ts";

export interface AdminDeps {
  readonly source: AdminSource;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AdminAddress {
  readonly host: string;
  readonly port: number;
}

/** The local status port. */
export interface AdminServer extends Stoppable {
  /** Where it listens; undefined while its port is taken. */
  address(): AdminAddress | undefined;
  /** The listening socket, for a successor to take over; undefined while there is none. */
  descriptor(): number | undefined;
}

/**
 * Opens the status port, and keeps trying while it is taken: a neighbour on that port must not keep
 * traffic from being served.
 *
 * @param inherited the port's listening socket, of the process that this one succeeds
 */
export async function startAdmin(
  deps: AdminDeps,
  wanted: AdminAddress,
  inherited?: number,
): Promise<AdminServer> {
  const server = createServer(
    { headersTimeout: adminRequestMsMax, requestTimeout: adminRequestMsMax },
    (request, response) => void answer(deps, { request, response, wanted }),
  );
  server.maxConnections = adminConnectionsMax;
  let retry: Timer | undefined;
  const open = async (place: Place): Promise<void> => {
    const trouble = await listening(server, place);
    if (trouble === undefined) return;
    const text = `${wanted.host}:${wanted.port} cannot be opened: choose another with --admin HOST:PORT`;
    deps.log.error({ code: trouble }, `no status port: ${text}`);
    retry = deps.clock.after(adminRetryMs, () => void open(wanted));
  };
  await open(inherited === undefined ? wanted : { fd: inherited });
  return {
    name: "admin",
    address: () => addressOf(server),
    descriptor: () => (server.listening ? descriptorOf(server) : undefined),
    stop: () => {
      retry?.stop();
      return closed(server);
    },
  };
}

type Place = AdminAddress | { readonly fd: number };

/** Undefined when it listens, otherwise the system's reason. */
function listening(server: Server, place: Place): Promise<string | undefined> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => {
      server.off("listening", opened);
      resolve(systemErrorCode(error) ?? errorText(error));
    };
    const opened = (): void => {
      server.off("error", failed);
      resolve(undefined);
    };
    server.once("error", failed);
    server.once("listening", opened);
    server.listen({ ...place });
  });
}

function addressOf(server: Server): AdminAddress | undefined {
  const address = server.address();
  if (address === null || typeof address === "string") return undefined;
  return { host: address.address, port: address.port };
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly wanted: AdminAddress;
}

async function answer(deps: AdminDeps, { request, response, wanted }: Exchange): Promise<void> {
  const [path = "/"] = (request.url ?? "/").split("?", 1);
  const method = request.method ?? "";
  const own = isOwnHost(request.headers.host, [wanted.host, hostname()]);
  const result = own ? await answered(deps, { method, path }) : misdirected;
  const { status, type, body, headers } = result;
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(method === "HEAD" ? undefined : body);
}

/** Trouble in one answer is that answer's only. */
async function answered(
  deps: AdminDeps,
  request: { readonly method: string; readonly path: string },
): Promise<AdminAnswer> {
  try {
    return await adminAnswer(deps.source, request);
  } catch (error) {
    deps.log.error({ path: request.path, error: errorText(error) }, "status port: no answer");
    return { status: 500, type: "text/plain; charset=utf-8", body: "something went wrong\n" };
  }
}

const misdirected: AdminAnswer = {
  status: 421,
  type: "text/plain; charset=utf-8",
  body: "this port answers to addresses, localhost and the host's own name\n",
};
