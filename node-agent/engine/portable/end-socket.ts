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
 * Destroys a socket now. One whose end is on its way is closed instead of reset: its queue is empty,
 * so nothing is cut off, and Node.js loses the descriptor of one that is reset in that moment.
 */
export function cutSocket(socket: Socket, how: Cut): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  const isOpen = !socket.destroyed && !socket.connecting && socket.remoteFamily !== undefined;
  if (how === "reset" && isOpen && !isEnding) socket.resetAndDestroy();
  else socket.destroy();
}
