import type { AddressInfo } from "node:net";

/** The port of `server.address()`, which is none for a Unix socket. */
export function listeningPort(address: AddressInfo | string | null): number {
  if (typeof address !== "object" || address === null) throw new Error("there is no port");
  return address.port;
}
