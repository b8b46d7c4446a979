import { createHash } from "node:crypto";

import type { Cleanup } from "../../support/processes.ts";
import { startLocalServer } from "./local-server.ts";

/** Reads to the end, and only then answers with the SHA-256 of what came, in hexadecimal; its port. */
export function startHalfCloseBackend(cleanup: Cleanup): Promise<number> {
  return startLocalServer(cleanup, (socket) => {
    const hash = createHash("sha256");
    socket.on("data", (chunk: Buffer) => hash.update(chunk));
    socket.on("end", () => socket.end(hash.digest("hex")));
  });
}
