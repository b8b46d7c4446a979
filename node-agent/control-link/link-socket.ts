import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";

import { WebSocket, type RawData } from "ws";

import { linkConnectMsMax, linkPayloadBytesMax } from "#shared/base/limits.ts";
import { controlTimeHeader, linkSubprotocol, type CloseCode } from "#shared/wire/protocol.ts";

import { controlTimeOf } from "./fetch-snapshot.ts";
import type { ConnectRefusal } from "./link-machine-events.ts";

export interface LinkSocketOptions {
  readonly url: URL;
  readonly authorization: string;
  readonly ca: string | undefined;
}

/** What a carrier tells. After `onRefused` or `onLost` it is silent. */
export interface LinkSocketListener {
  onOpened(): void;
  /** A text frame, or null for a binary one. */
  onReceived(text: string | null): void;
  /** A ping or pong. */
  onHeard(): void;
  onLost(code: number): void;
  onRefused(refusal: ConnectRefusal, detail: string): void;
}

/** An open, or opening, WebSocket to the control plane. */
export interface LinkSocket {
  send(text: string): void;
  /** Bytes that were sent and have not left yet. */
  unsentBytes(): number;
  /** Ends it; nothing is told afterwards. Resolves when the other side has read all that was sent. */
  close(code: CloseCode, reason: string): Promise<void>;
  /** Ends it without waiting for anything. */
  abort(): void;
}

export type OpenLinkSocket = (
  options: LinkSocketOptions,
  listener: LinkSocketListener,
) => LinkSocket;

/** Opens a WebSocket (RFC 6455): no compression, bounded frames, no redirects. */
export const openLinkSocket: OpenLinkSocket = (options, listener) => {
  const socket = new WebSocket(options.url, [linkSubprotocol], {
    perMessageDeflate: false,
    maxPayload: linkPayloadBytesMax,
    handshakeTimeout: linkConnectMsMax,
    followRedirects: false,
    headers: { authorization: options.authorization },
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  listenTo(socket, listener);
  const silence = (): void => {
    socket.removeAllListeners();
    // Aborting a socket that is still connecting reports an error; nobody waits for it any more.
    socket.on("error", () => undefined);
  };
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    unsentBytes: () => socket.bufferedAmount,
    close: (code, reason) => {
      silence();
      return closed(socket, code, reason);
    },
    abort: () => {
      silence();
      socket.terminate();
    },
  };
};

function listenTo(socket: WebSocket, listener: LinkSocketListener): void {
  let opened = false;
  let failure = "";
  let refused = false;
  socket.on("error", (error) => {
    failure = error.message;
  });
  socket.on("open", () => {
    opened = true;
    listener.onOpened();
  });
  socket.on("message", (data, isBinary) => listener.onReceived(isBinary ? null : textOf(data)));
  socket.on("ping", () => listener.onHeard());
  socket.on("pong", () => listener.onHeard());
  socket.on("unexpected-response", (_request, response) => {
    refused = true;
    socket.terminate();
    listener.onRefused(refusalOf(response), `status ${response.statusCode ?? 0}`);
  });
  // `close` follows every `error` and every refusal, so each end is told once.
  socket.on("close", (code) => {
    if (opened) listener.onLost(code);
    else if (!refused) listener.onRefused({ kind: "network" }, failure);
  });
}

function refusalOf(response: IncomingMessage): ConnectRefusal {
  const { headers, statusCode } = response;
  const retryAfterS = Number(headers["retry-after"] ?? Number.NaN);
  const time = headers[controlTimeHeader];
  return {
    kind: "status",
    status: statusCode ?? 0,
    retryAfterMs: Number.isFinite(retryAfterS) && retryAfterS >= 0 ? retryAfterS * 1_000 : null,
    controlTimeMs: controlTimeOf(typeof time === "string" ? time : undefined),
  };
}

function closed(socket: WebSocket, code: CloseCode, reason: string): Promise<void> {
  if (socket.readyState !== WebSocket.OPEN) {
    socket.terminate();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.close(code, reason);
  });
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data).toString("utf8");
}
