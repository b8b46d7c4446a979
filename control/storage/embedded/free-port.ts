import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A TCP port of the loopback address that is free now. Someone may take it before it is used: the
 * caller tries again with another.
 */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
