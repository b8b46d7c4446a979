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
}

export type OpenedListener =
  | ({ readonly ok: true } & OpenListener)
  | Extract<ListenOutcome, { ok: false }>;

/** Binds and listens. The wildcard `::` takes IPv4 as well, and only IPv4 where there is no IPv6. */
export async function openListener(
  deps: ListenerDeps,
  options: ListenOptions,
): Promise<OpenedListener> {
  const { address, reusePort, backlog } = options;
  const opened = await openServer(
    deps,
    address.kind === "unix"
      ? { path: address.path, backlog }
      : { host: address.host, port: address.port, reusePort, backlog },
  );
  const fallback = opened.ok ? undefined : withoutIpv6(address, opened.code);
  return fallback === undefined ? opened : openListener(deps, { ...options, address: fallback });
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
