import { join } from "node:path";

import { freePort } from "./free-port.ts";
import { startProcess, type Cleanup, type RunningProcess } from "./processes.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface ControlOptions {
  /** A migrated database; without one the control plane starts its own Postgres. */
  readonly databaseUrl?: string;
  /** Made when absent. Two instances on one database share it: it holds the master key. */
  readonly dataFolder?: string;
  /** One that stays free for the next start, unless given. */
  readonly port?: number;
  readonly args?: readonly string[];
}

export interface ControlProcess {
  readonly process: RunningProcess;
  readonly url: string;
  readonly port: number;
  readonly dataFolder: string;
  /** The same again, on the same port and data, after this one ended. */
  startAgain(): Promise<ControlProcess>;
}

/** A control plane as a process of its own, ready. */
export async function startControl(
  cleanup: Cleanup,
  options: ControlOptions = {},
): Promise<ControlProcess> {
  const dataFolder = options.dataFolder ?? join(await temporaryFolder(cleanup), "control");
  const listening = ["--port", String(options.port ?? (await freePort())), "--data", dataFolder];
  const running = startProcess(cleanup, {
    name: "control",
    command: ["control/main.ts", ...listening, ...(options.args ?? [])],
    environment: options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl },
  });
  const { url } = await running.ready();
  const text = String(url);
  const port = Number(new URL(text).port);
  const startAgain = () => startControl(cleanup, { ...options, dataFolder, port });
  return { process: running, url: text, port, dataFolder, startAgain };
}
