import { join } from "node:path";

import { freePort } from "../../support/free-port.ts";
import { startProgram } from "../contenders/program.ts";
import type { BackendDeps } from "./backend-deps.ts";

/** Sends every datagram back; its port. */
export async function startEchoBackend({ echo, folder, cleanup }: BackendDeps): Promise<number> {
  const port = await freePort();
  if (echo === undefined) return port;
  const command = [echo, String(port)];
  const logFile = join(folder, "datagram-echo.log");
  await startProgram(cleanup, { command, logFile, ports: [], datagramPorts: [port] });
  return port;
}
