import { once } from "node:events";
import { createServer } from "node:net";

/** Below the range from which systems give ports to outgoing connections, which would take them. */
const firstPort = 2_000;
const lastPort = 9_999;

/** Ports in that range that `fetch` refuses (https://fetch.spec.whatwg.org/#port-blocking). */
const fetchRefuses = new Set([
  2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
]);

let nextPort = firstPort + Math.floor(Math.random() * (lastPort - firstPort));

/**
 * A port on which nothing listens at this moment and which no outgoing connection will be given; for
 * whoever cannot listen on port 0. Never the same twice in a process, until the range is used up.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries <= lastPort - firstPort; tries += 1) {
    nextPort = nextPort >= lastPort ? firstPort : nextPort + 1;
    const port = nextPort;
    if (!fetchRefuses.has(port) && (await isFree({ host, port }))) return port;
  }
  throw new Error(`every port from ${firstPort} to ${lastPort} is taken`);
}

async function isFree(where: { host: string; port: number }): Promise<boolean> {
  const server = createServer();
  server.listen(where);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
