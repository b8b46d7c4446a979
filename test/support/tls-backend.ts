import { once } from "node:events";
import { createServer, type TLSSocket } from "node:tls";

import { onTestFinished } from "vitest";

import { testCertificate, type TestCertificate } from "./test-certificates.ts";

export interface TlsBackend {
  readonly host: string;
  readonly port: number;
  /** The names that clients sent (SNI). */
  readonly names: readonly string[];
}

/** A real TLS backend on loopback, gone at the end of the test. */
export async function startTlsBackend(
  behaviour: (socket: TLSSocket) => void,
  certificate: TestCertificate = testCertificate,
): Promise<TlsBackend> {
  const names: string[] = [];
  const sawName = (name: string, go: (error: Error | null) => void): void => {
    names.push(name);
    go(null);
  };
  const server = createServer({ ...certificate, SNICallback: sawName }, (socket) => {
    socket.on("error", () => undefined);
    behaviour(socket);
  });
  server.on("tlsClientError", () => undefined);
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { host: "127.0.0.1", port: address.port, names };
}
