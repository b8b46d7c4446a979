import { connect, type LookupFunction, type Socket } from "node:net";

import { systemErrorCode } from "#shared/base/fault.ts";
import { socketPathOf } from "#shared/definition/socket-path.ts";

import { isOwnLack } from "../runtime/own-lack.ts";
import type { ProbeTarget } from "./probe.ts";

/** A connection of one check, from the moment that it begins to connect. */
export interface CheckConnection {
  /** To write to and to read from; its errors are those of what is below it, too. */
  readonly socket: Socket;
  /** The event of the socket that says that one can write. */
  readonly openEvent: "connect" | "secureConnect";
  /** Ends it at once, whatever state it is in. */
  readonly end: () => void;
}

/** Begins to connect; undefined when this host lacks what it takes. */
export type OpenConnection = (target: ProbeTarget) => CheckConnection | undefined;

/** Connections over TCP. */
export function tcpConnections(lookup: LookupFunction): (target: ProbeTarget) => CheckConnection {
  return (target) => {
    const socket = connectTo(target, lookup);
    return { socket, openEvent: "connect", end: () => endAtOnce(socket, target) };
  };
}

/** Begins to connect to an address, a name, or a Unix socket of this host. */
export function connectTo({ host, port }: ProbeTarget, lookup: LookupFunction): Socket {
  const path = socketPathOf(host);
  return path === undefined ? connect({ host, port, lookup }) : connect({ path });
}

/** A reset instead of a FIN: the balancer's host keeps no TIME_WAIT entry for each check. */
export function endAtOnce(socket: Socket, { host }: ProbeTarget): void {
  // A Unix socket has neither that entry nor a reset.
  if (socket.connecting || socketPathOf(host) !== undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** What an error of a check's socket means: nothing, when the reason lies on this host. */
export function failureOf(error: unknown, host: string): ["failed" | "none", string] {
  const code = systemErrorCode(error) ?? "EUNKNOWN";
  return [isOwnLack(code, host) ? "none" : "failed", code];
}
