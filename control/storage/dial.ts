import net from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { databaseConnectMsMax } from "#shared/base/limits.ts";

/** Where postgres.js wants to go, as it read it from the URL. */
export interface DialTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** A Unix socket, or empty. */
  readonly path: string | false;
}

/** What `secure()` of postgres.js reads from a socket to name the host in TLS. */
type DialledSocket = net.Socket & { host?: string };

/**
 * Opens a TCP connection to the first host that answers in time.
 * @throws the last host's system error, or `ETIMEDOUT`
 */
export async function dial(target: DialTarget, clock: Clock): Promise<net.Socket> {
  if (target.path !== false && target.path !== "") {
    return connected(net.connect({ path: target.path }), clock);
  }
  let failure: unknown = new Error("no database host given");
  for (const [index, host] of target.host.entries()) {
    try {
      const port = target.port[index] ?? 5432;
      // oxlint-disable-next-line no-await-in-loop -- the next host only if this one does not answer
      const socket = await connected(net.connect({ host, port, noDelay: true }), clock);
      return Object.assign<DialledSocket, { host: string }>(socket, { host });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function connected(socket: net.Socket, clock: Clock): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(databaseConnectMsMax, () => {
      const late = new Error(`no answer within ${databaseConnectMsMax} ms`);
      socket.destroy(Object.assign(late, { code: "ETIMEDOUT" }));
    });
    socket.once("error", (error) => {
      timer.stop();
      reject(error);
    });
    socket.once("connect", () => {
      timer.stop();
      resolve(socket);
    });
  });
}
