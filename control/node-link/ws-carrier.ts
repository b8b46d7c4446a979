import { Buffer } from "node:buffer";

import type { WebSocket } from "ws";

import type { Clock } from "#shared/base/clock.ts";
import { linkCloseMsMax } from "#shared/base/limits.ts";

import type { CarrierListener, LinkCarrier } from "./link-carrier.ts";

/** WebSocket's own limit for the reason of a close (RFC 6455 section 5.5). */
const reasonBytesMax = 123;

/** A node over a WebSocket. Takes ownership of the socket: its errors are heard here. */
export function createWsCarrier(
  socket: WebSocket,
  clock: Clock,
  listener: CarrierListener,
): LinkCarrier {
  // What went wrong shows in the code of the close that always follows.
  socket.on("error", () => undefined);
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) listener.onBinary();
    else listener.onText(data.toString("utf8"));
  });
  socket.once("close", (code) => listener.onClosed(code));
  return {
    send(texts) {
      if (socket.readyState !== socket.OPEN) return;
      for (const text of texts) socket.send(text, { binary: false });
    },
    unsentBytes: () => socket.bufferedAmount,
    close(code, reason) {
      const bounded = Buffer.from(reason).subarray(0, reasonBytesMax).toString("utf8");
      socket.close(code, bounded);
      const timer = clock.after(linkCloseMsMax, () => socket.terminate());
      socket.once("close", () => timer.stop());
    },
  };
}
