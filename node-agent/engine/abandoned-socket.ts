import { lstat } from "node:fs/promises";
import { connect } from "node:net";

import { systemErrorCode } from "#shared/base/fault.ts";

/**
 * Whether a Unix socket lies there on which nobody listens any more: whoever did was killed. A file
 * that is no socket refuses connections as well, and is somebody's.
 */
export async function isAbandonedSocket(path: string): Promise<boolean> {
  const file = await lstat(path).catch(() => undefined);
  return file?.isSocket() === true && (await isRefused(path));
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error) => resolve(systemErrorCode(error) === "ECONNREFUSED"));
  });
}
