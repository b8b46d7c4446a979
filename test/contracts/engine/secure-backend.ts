import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";

import { onTestFinished } from "vitest";

import { startBackend } from "../../support/fake-backend.ts";
import type { TestCertificate } from "../../support/test-certificates.ts";

/** A backend that speaks TLS, and what it has seen of those who came. */
export interface SecureBackend {
  readonly host: string;
  readonly port: number;
  /** The names that were sent (SNI). */
  readonly names: readonly string[];
  /** The subjects that were shown. */
  readonly clients: readonly (string | undefined)[];
  readonly ciphers: readonly string[];
  readonly protocols: readonly unknown[];
  readonly resumed: readonly boolean[];
  heard(): string;
}

export interface SecureBackendOptions extends TlsOptions {
  /** Comes in clear before the handshake. */
  readonly header?: string;
  /** What it does with a client; it says hello and ends unless given. */
  readonly behaviour?: (socket: TLSSocket) => void;
}

export async function startSecureBackend(
  { cert, key }: TestCertificate,
  options: SecureBackendOptions = {},
): Promise<SecureBackend> {
  const { header = "", behaviour = hello, ...tls } = options;
  const names: string[] = [];
  const seen = {
    clients: new Array<string | undefined>(),
    ciphers: new Array<string>(),
    protocols: new Array<unknown>(),
    resumed: new Array<boolean>(),
  };
  let heard = "";
  const SNICallback = (name: string, go: (error: Error | null) => void): void => {
    names.push(name);
    go(null);
  };
  const server = createServer({ cert, key, SNICallback, ...tls }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString("latin1")));
    seen.clients.push(socket.getPeerX509Certificate()?.subject.replace("CN=", ""));
    seen.ciphers.push(socket.getCipher().name);
    seen.protocols.push(socket.alpnProtocol);
    seen.resumed.push(socket.isSessionReused());
    behaviour(socket);
  });
  server.on("tlsClientError", () => undefined);
  onTestFinished(() => void server.close());
  const serve = (socket: Socket): void =>
    void withoutHeader(socket, header.length).then(() => server.emit("connection", socket));
  const { allowHalfOpen = false } = tls;
  const entry = await startBackend(serve, { allowHalfOpen });
  return { host: entry.host, port: entry.port, names, ...seen, heard: () => heard };
}

function hello(socket: TLSSocket): void {
  socket.end("hello");
}

async function withoutHeader(socket: Socket, bytes: number): Promise<void> {
  if (bytes === 0) return;
  while (socket.readableLength < bytes) await once(socket, "readable");
  socket.read(bytes);
}
