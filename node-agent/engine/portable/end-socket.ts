import type { Socket } from "node:net";

/** How a socket is destroyed: a reset (RST), or what the system does with a close. */
export type Cut = "reset" | "close";

const nothing = new Uint8Array(0);

/**
 * Ends a socket's sending direction (FIN) once its queue is empty. Asked for earlier, the end would
 * be pending behind the queue, and a socket with a pending end cannot be reset.
 */
export function endStream(socket: Socket): void {
  if (socket.writableEnded || socket.destroyed) return;
  if (socket.writableLength === 0) socket.end();
  else socket.write(nothing, () => socket.end());
}

/**
 * Destroys a socket now, and the stream over it, which may be itself. One whose end is on its way is
 * closed instead of reset: its queue is empty, so nothing is cut off, and Node.js loses the
 * descriptor of one that is reset in that moment.
 *
 * TLS is never cut below: Node.js would free it at once, also while it is being read. Closed from
 * above it waits for its wire, and a wire that was reset closes it.
 */
export function cutSocket(wire: Socket, stream: Socket, how: Cut): void {
  const isEnding = stream.writableEnded && !stream.writableFinished;
  const isOpen = !wire.destroyed && !wire.connecting && wire.remoteFamily !== undefined;
  if (how === "reset" && isOpen && !isEnding) wire.resetAndDestroy();
  else stream.destroy();
}
