import { link, rename, rm } from "node:fs/promises";
import {
  createServer,
  type AddressInfo,
  type ListenOptions as NodeListenOptions,
  type Server,
  type Socket,
} from "node:net";
import { basename, dirname, join } from "node:path";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import { unixPathBytesMax } from "#shared/base/limits.ts";

import { isAbandonedSocket } from "../abandoned-socket.ts";
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
  const { address, descriptor } = options;
  if (address.kind === "unix") {
    const { path } = address;
    const opened = await (descriptor === undefined
      ? openBeside(deps, options, path)
      : openServer(deps, options));
    return opened.ok ? { ...opened, path } : opened;
  }
  const opened = await openServer(deps, options);
  if (opened.ok) return { ...opened, path: undefined };
  const fallback = withoutIpv6(address, opened.code);
  return fallback === undefined ? opened : openListener(deps, { ...options, address: fallback });
}

/**
 * When a server closes, Node removes the file that it has bound. So that a successor's clients find
 * theirs at every moment it binds another name, which then goes.
 */
async function openBeside(
  deps: ListenerDeps,
  options: ListenOptions,
  path: string,
): Promise<OpenedServer> {
  const beside = besideOf(path);
  await rm(beside, { force: true });
  const opened = await openServer(deps, { ...options, address: { kind: "unix", path: beside } });
  if (!opened.ok) return opened;
  try {
    await moveInto(beside, path);
    return opened;
  } catch (error) {
    opened.server.close();
    const code = systemErrorCode(error) ?? "EUNKNOWN";
    return { ok: false, code: code === "EEXIST" ? "EADDRINUSE" : code, detail: errorText(error) };
  }
}

/**
 * Only where nothing is, or what a worker that died has left: that is replaced in one step.
 *
 * @throws the system's error, `EEXIST` where something is that somebody may need
 */
async function moveInto(beside: string, path: string): Promise<void> {
  try {
    await link(beside, path);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST" || !(await isAbandonedSocket(path))) throw error;
    return rename(beside, path);
  }
  await rm(beside, { force: true });
}

/** As long as the system allows a path to be. */
function besideOf(path: string): string {
  const longer = `${path}~`;
  if (Buffer.byteLength(longer) <= unixPathBytesMax) return longer;
  return join(dirname(path), `~${basename(path).slice(1)}`);
}

/** Stops listening; resolves at once, since a server waits for its connections. */
export async function closeListener(
  { server, path }: OpenListener,
  keepsAddress: boolean,
): Promise<void> {
  server.close();
  if (path !== undefined && !keepsAddress) await rm(path, { force: true });
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
    const { descriptor, backlog } = options;
    if (descriptor === undefined) server.listen(nodeOptionsOf(options), onListening);
    // It listens anew, which sets the backlog; beside a descriptor Node takes it as an argument only.
    else server.listen({ fd: descriptor }, backlog, onListening);
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
