import { join } from "node:path";

import { freePort } from "../../support/free-port.ts";
import { startProgram } from "../contenders/program.ts";
import type { BackendDeps } from "./backend-deps.ts";

/** Takes and gives bulk; its port. */
export async function startIperfBackend(deps: BackendDeps): Promise<number> {
  const port = await freePort();
  if (deps.iperf3 === undefined) return port;
  const command = [deps.iperf3, "-s", "-B", "127.0.0.1", "-p", String(port)];
  const logFile = join(deps.folder, "iperf3.log");
  await startProgram(deps.cleanup, { command, logFile, ports: [port] });
  return port;
}
