import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

import type { Cleanup } from "../../support/processes.ts";

/** Listens in this process and lets both sides end by themselves; gives the port. */
export async function startLocalServer(
  cleanup: Cleanup,
  serve: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    serve(socket);
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 });
  await once(server, "listening");
  cleanup(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  // Guarantee: a server that listens on a port has an address with a port.
  return (server.address() as AddressInfo).port;
}
