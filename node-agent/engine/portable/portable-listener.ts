import {
  createServer,
  type AddressInfo,
  type ListenOptions as NodeListenOptions,
  type Server,
  type Socket,
} from "node:net";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";

import type { ListenOptions, ListenOutcome } from "../engine.ts";
import { socketOptions } from "./socket-options.ts";

export interface ListenerDeps {
  /** Takes ownership of an accepted socket, which is not being read yet. */
  readonly onSocket: (socket: Socket) => void;
  readonly onAcceptFailed: (code: string) => void;
}

export type OpenedListener =
  | { readonly ok: true; readonly port: number; readonly server: Server }
  | Extract<ListenOutcome, { ok: false }>;

/** What a system without IPv6 answers to a wildcard bind. */
const noIpv6Codes: readonly string[] = ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"];

/** Binds and listens. The wildcard `::` takes IPv4 as well, and only IPv4 where there is no IPv6. */
export async function openListener(
  deps: ListenerDeps,
  options: ListenOptions,
): Promise<OpenedListener> {
  const { address, reusePort, backlog } = options;
  if (address.kind === "unix") return openServer(deps, { path: address.path, backlog });
  const { host, port } = address;
  const opened = await openServer(deps, { host, port, reusePort, backlog });
  const isWildcard = host === "::";
  if (opened.ok || !isWildcard || !noIpv6Codes.includes(opened.code)) return opened;
  return openServer(deps, { host: "0.0.0.0", port, reusePort, backlog });
}

function openServer(deps: ListenerDeps, options: NodeListenOptions): Promise<OpenedListener> {
  const server = createServer({ ...socketOptions, pauseOnConnect: true }, deps.onSocket);
  return new Promise((resolve) => {
    server.once("error", (error) =>
      resolve({ ok: false, code: systemErrorCode(error) ?? "EUNKNOWN", detail: errorText(error) }),
    );
    server.listen(options, () => {
      server.on("error", (error) => deps.onAcceptFailed(systemErrorCode(error) ?? "EUNKNOWN"));
      resolve({ ok: true, port: portOf(server.address()), server });
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
