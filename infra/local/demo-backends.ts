import { once } from "node:events";
/**
 * Two HTTP backends in one process, for `npm start`: each answers which one it is. Takes the ports
 * of the last start as arguments, and another one where a port is taken by now.
 */
import { createServer, type Server } from "node:http";

import { systemErrorCode } from "#shared/base/fault.ts";

async function main(): Promise<void> {
  const wanted = process.argv.slice(2).map(Number);
  const ports = [await listenAs("one", wanted[0] ?? 0), await listenAs("two", wanted[1] ?? 0)];
  process.on("disconnect", () => process.exit(0));
  process.send?.({ type: "ready", ports });
}

async function listenAs(name: string, port: number): Promise<number> {
  const backend = createServer((request, response) => {
    response.setHeader("content-type", "text/plain");
    response.end(`demo backend ${name}, ${request.method ?? ""} ${request.url ?? ""}\n`);
  });
  try {
    return await portOnceListening(backend, port);
  } catch (error) {
    if (port === 0 || systemErrorCode(error) !== "EADDRINUSE") throw error;
    return portOnceListening(backend, 0);
  }
}

async function portOnceListening(backend: Server, port: number): Promise<number> {
  backend.listen(port, "127.0.0.1");
  await once(backend, "listening");
  const address = backend.address();
  if (address === null || typeof address === "string") throw new Error("listens on no TCP port");
  return address.port;
}

await main();
