import type { Cleanup } from "../../support/processes.ts";
import { startLocalServer } from "./local-server.ts";

/** Echoes, and is silent otherwise; its port. */
export function startHoldingBackend(cleanup: Cleanup): Promise<number> {
  return startLocalServer(cleanup, (socket) => {
    socket.on("data", (chunk: Buffer) => socket.write(chunk));
    socket.on("end", () => socket.end());
  });
}
