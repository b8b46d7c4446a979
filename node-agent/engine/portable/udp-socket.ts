import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import { isIPv6 } from "node:net";

/** A socket for an address: no name is ever looked up in it, so what it is told happens at once. */
export function udpSocket(address: string, options: { readonly reusePort?: boolean } = {}): Socket {
  return createSocket({ ...(isIPv6(address) ? ofIpv6 : ofIpv4), ...options });
}

// Made once: a socket keeps its own, and each session has one.
const ofIpv4: SocketOptions = {
  type: "udp4",
  lookup: (host, _options, onAnswer) => onAnswer(null, host, 4),
};
const ofIpv6: SocketOptions = {
  type: "udp6",
  lookup: (host, _options, onAnswer) => onAnswer(null, host, 6),
};

/**
 * What lies below a socket of node:dgram, which has no public name for it. Without the field that it
 * has had since Node 11 this is undefined: then nothing is handed over.
 */
function handleOf(socket: Socket): object | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === "state symbol",
  );
  const state: unknown = symbol === undefined ? undefined : Reflect.get(socket, symbol);
  if (typeof state !== "object" || state === null) return undefined;
  const handle: unknown = Reflect.get(state, "handle");
  return typeof handle === "object" && handle !== null ? handle : undefined;
}

/** The descriptor of a bound socket. */
export function udpDescriptorOf(socket: Socket): number | undefined {
  const handle = handleOf(socket);
  const descriptor: unknown = handle && Reflect.get(handle, "fd");
  return typeof descriptor === "number" && descriptor >= 0 ? descriptor : undefined;
}

/** Receives no more, and can send still; false where that is not to be had. */
export function stopReceiving(socket: Socket): boolean {
  const handle = handleOf(socket);
  const stop: unknown = handle && Reflect.get(handle, "recvStop");
  if (handle === undefined || typeof stop !== "function") return false;
  Reflect.apply(stop, handle, []);
  return true;
}
