import { join } from "node:path";

import { startProcess, type Cleanup, type RunningProcess } from "./processes.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import type { TestTenant } from "./tenant-api.ts";

export interface AgentProcess {
  readonly process: RunningProcess;
  readonly dataFolder: string;
}

/** Joins a new node with a fresh token, in a folder of its own unless given; `run` needs it. */
export async function joinNode(
  cleanup: Cleanup,
  control: { readonly url: string },
  tenant: TestTenant,
  folder?: string,
): Promise<string> {
  const dataFolder = folder ?? join(await temporaryFolder(cleanup), "agent");
  const { token } = await tenant.demand<{ token: string }>("POST", "/v1/join-tokens", { body: {} });
  const from = ["--control", control.url, "--token", token];
  const joining = startProcess(cleanup, {
    name: "agent join",
    command: ["node-agent/main.ts", "join", ...from, "--data", dataFolder],
  });
  const end = await joining.ended;
  if (end.code !== 0) throw new Error(`join ended with ${end.code}:\n${joining.output()}`);
  return dataFolder;
}

/** Runs a joined node's agent. */
export async function startAgent(
  cleanup: Cleanup,
  dataFolder: string,
  args: readonly string[] = [],
): Promise<AgentProcess> {
  const running = startProcess(cleanup, {
    name: "agent",
    command: ["node-agent/main.ts", "run", "--data", dataFolder, "--admin", "127.0.0.1:0", ...args],
  });
  await running.ready();
  return { process: running, dataFolder };
}
