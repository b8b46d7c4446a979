import { link, rename, rm } from "node:fs/promises";
import {
  createServer,
  type AddressInfo,
  type ListenOptions as NodeListenOptions,
  type Server,
  type Socket,
} from "node:net";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";

import type { ListenOptions, ListenOutcome } from "../engine.ts";
import { withoutIpv6 } from "../wildcard.ts";
import { socketOptions } from "./socket-options.ts";

export interface ListenerDeps {
  /** Takes ownership of an accepted socket, which is not being read yet. */
  readonly onSocket: (socket: Socket) => void;
  readonly onAcceptFailed: (code: string) => void;
}

export interface OpenListener {
  readonly port: number;
  readonly server: Server;
  /** Of a Unix socket. */
  readonly path: string | undefined;
}

export type OpenedListener =
  | ({ readonly ok: true } & OpenListener)
  | Extract<ListenOutcome, { ok: false }>;

/** Binds and listens. The wildcard `::` takes IPv4 as well, and only IPv4 where there is no IPv6. */
export async function openListener(
  deps: ListenerDeps,
  options: ListenOptions,
): Promise<OpenedListener> {
  const { address } = options;
  const opened = await openServer(deps, options);
  if (opened.ok) return { ...opened, path: address.kind === "unix" ? address.path : undefined };
  const fallback = withoutIpv6(address, opened.code);
  return fallback === undefined ? opened : openListener(deps, { ...options, address: fallback });
}

/**
 * Stops listening; resolves at once, since a server waits for its connections. Node removes the
 * file of a Unix socket that it has bound itself, and no other: what is to stay gets a second name
 * for that moment, and what is to go is removed.
 */
export async function closeListener(
  { server, path }: OpenListener,
  keepsAddress: boolean,
): Promise<void> {
  if (path === undefined) {
    server.close();
    return;
  }
  const kept = `${path}.kept-${process.pid}`;
  if (keepsAddress) await link(path, kept);
  server.close();
  if (keepsAddress) await rename(kept, path);
  else await rm(path, { force: true });
}

function nodeOptionsOf({ address, reusePort, backlog }: ListenOptions): NodeListenOptions {
  return address.kind === "unix"
    ? { path: address.path, backlog }
    : { host: address.host, port: address.port, reusePort, backlog };
}

type OpenedServer =
  | { readonly ok: true; readonly port: number; readonly server: Server }
  | Extract<ListenOutcome, { ok: false }>;

function openServer(deps: ListenerDeps, options: ListenOptions): Promise<OpenedServer> {
  const server = createServer({ ...socketOptions, pauseOnConnect: true }, deps.onSocket);
  return new Promise((resolve) => {
    server.once("error", (error) =>
      resolve({ ok: false, code: systemErrorCode(error) ?? "EUNKNOWN", detail: errorText(error) }),
    );
    const onListening = (): void => {
      server.on("error", (error) => deps.onAcceptFailed(systemErrorCode(error) ?? "EUNKNOWN"));
      resolve({ ok: true, port: portOf(server.address()), server });
    };
    const { descriptor } = options;
    if (descriptor === undefined) server.listen(nodeOptionsOf(options), onListening);
    else server.listen({ fd: descriptor }, onListening);
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
