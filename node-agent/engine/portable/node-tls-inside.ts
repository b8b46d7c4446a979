import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";

import { systemErrorCode } from "#shared/base/fault.ts";

/**
 * What node:tls does inside and does not document, in one place. Tests of the engine's contract
 * notice when a version of Node.js does it otherwise.
 */

/** Asked for a key: to seal a ticket, or to open the one with this name. */
export type TicketKeyAsker = (name: Buffer, isSealing: boolean) => TicketKeyAnswer;

export type TicketKeyAnswer =
  | { readonly kind: "none" }
  | { readonly kind: "key"; readonly key: Buffer; readonly isOld: boolean };

/** Takes several ticket keys where `setTicketKeys` takes one: sealing with one and opening with all. */
export function askForTicketKeys(
  context: SecureContext,
  ask: TicketKeyAsker,
  iv: () => Buffer,
): void {
  const inside = insideOf(context);
  inside.enableTicketKeyCallback();
  inside.onticketkeycallback = (name, _iv, isSealing) => {
    const answer = ask(name, isSealing);
    if (answer.kind === "none") return [0, noKey, noKey];
    const { key, isOld } = answer;
    const [hmac, aes] = [key.subarray(16, 32), key.subarray(32, 48)];
    return isSealing ? [1, hmac, aes, key.subarray(0, 16), iv()] : [isOld ? 2 : 1, hmac, aes];
  };
}

/** Read also when there is none. */
const noKey = Buffer.alloc(16);

/**
 * Acknowledges whatever name a client asks for, so that the name becomes part of its session: one of
 * TLS 1.2 that is resumed tells no other. `usual` is what the socket was made with. Before the
 * handshake.
 */
export function acknowledgeNames(socket: TLSSocket, usual: SecureContext): void {
  insideSocketOf(socket)._handle.sni_context = usual.context;
}

/**
 * Whether the end of a stream was a reset. What TLS writes by itself (tickets, alerts) takes the
 * system's error with it when it fails, and the next read finds nothing but the end.
 */
export function isReset(wire: Socket, stream: TLSSocket): boolean {
  if (stream.writableFinished) return false;
  const handle = insideWireOf(wire)._handle;
  return handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
}

/** From now on its errors are told as such; before its handshake has ended they end it anyway. */
export function tellErrors(socket: TLSSocket): void {
  insideSocketOf(socket)._releaseControl();
}

/**
 * Why the certificate of a client is not to be trusted, as OpenSSL says; undefined when it is.
 * `tls.Server` asks the same way, which does not tell whose handshake it was.
 */
export function verificationError(socket: TLSSocket): string | undefined {
  const error = insideSocketOf(socket)._handle.verifyError();
  return error === null || error === undefined
    ? undefined
    : (systemErrorCode(error) ?? "UNSPECIFIED");
}

interface InsideContext {
  enableTicketKeyCallback(): void;
  onticketkeycallback: (name: Buffer, iv: Buffer, isSealing: boolean) => readonly unknown[];
}

/** Guarantee: Node.js 24 keeps its OpenSSL context here, with what tests of Node.js use of it. */
function insideOf(context: SecureContext): InsideContext {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return context.context as InsideContext;
}

/** The name that a client asked for; documented, and left out of the types. */
export function askedName(socket: TLSSocket): string {
  const { servername } = insideSocketOf(socket);
  return typeof servername === "string" ? servername.toLowerCase() : "";
}

interface InsideSocket {
  _releaseControl(): void;
  readonly servername: unknown;
  readonly _handle: { sni_context: unknown; verifyError(): Error | null | undefined };
}

/** Guarantee: a TLS socket of Node.js 24 that is open has both. */
function insideSocketOf(socket: TLSSocket): InsideSocket {
  const anything: unknown = socket;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return anything as InsideSocket;
}

interface InsideWire {
  readonly _handle: { getpeername?(into: object): number } | null;
}

/** Guarantee: a TCP socket, or a Unix socket's, of Node.js 24. */
function insideWireOf(wire: Socket): InsideWire {
  const anything: unknown = wire;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return anything as InsideWire;
}
