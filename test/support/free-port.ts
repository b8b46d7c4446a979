import { once } from "node:events";
import { createServer } from "node:net";

/** Below the range from which systems give ports to outgoing connections, which would take them. */
const firstPort = 2_000;
const lastPort = 9_999;

/** Ports in that range that `fetch` refuses (https://fetch.spec.whatwg.org/#port-blocking). */
const fetchRefuses = new Set([
  2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
]);

/** Files that run at the same time do so in processes of their own: none is given another's port. */
const lanes = 4;
const lane = Number(process.env["VITEST_POOL_ID"] ?? 0) % lanes;
const portsEach = Math.floor((lastPort - firstPort + 1) / lanes);
const firstOfLane = firstPort + lane * portsEach;

/** The next port to try, counted from the lane's first. */
let turn = Math.floor(Math.random() * portsEach);

/**
 * A port on which nothing listens at this moment and which no outgoing connection will be given; for
 * whoever cannot listen on port 0. Never the same twice in a process, until the range is used up.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  return freePortRange(1, host);
}

/** The first of so many ports in a row, each one that `freePort` could give. */
export async function freePortRange(count: number, host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < portsEach; tries += count) {
    const ports = nextPorts(count);
    const areFree = await Promise.all(ports.map((port) => isFree({ host, port })));
    const [first] = ports;
    if (first !== undefined && areFree.every(Boolean)) return first;
  }
  const lastOfLane = firstOfLane + portsEach - 1;
  throw new Error(`no ${count} in a row are free from ${firstOfLane} to ${lastOfLane}`);
}

/** Taken in one step, so that nobody else who asks at the same time gets one of them. */
function nextPorts(count: number): readonly number[] {
  if (turn + count > portsEach) turn = 0;
  const first = firstOfLane + turn;
  turn += count;
  return Array.from({ length: count }, (_, index) => first + index);
}

async function isFree(where: { host: string; port: number }): Promise<boolean> {
  if (fetchRefuses.has(where.port)) return false;
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
