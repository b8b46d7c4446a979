import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { startAgent, type AgentProcess } from "./agent-process.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { isRunning } from "./os-processes.ts";
import { startProcess, type Cleanup } from "./processes.ts";

/** What `restart` said and ended with. */
export interface RestartEnd {
  readonly code: number | null;
  readonly output: string;
}

/** An agent whose process changes; whoever it is in the end is gone at the end of the test. */
export interface RestartingAgent {
  readonly first: AgentProcess;
  readonly dataFolder: string;
  /** Base URL of its status port, which stays. */
  readonly adminUrl: string;
  /** The process that is the agent, by its pid file. */
  pid(): number;
  /** `agent restart`, as people type it. */
  restart(): Promise<RestartEnd>;
  /** Waits until a process has ended, its drain included. */
  hasEnded(pid: number): Promise<void>;
}

/** Runs a joined node's agent in a way that lets it restart in place. */
export async function startRestartingAgent(
  cleanup: Cleanup,
  dataFolder: string,
  args: readonly string[] = [],
): Promise<RestartingAgent> {
  const pidFile = join(dataFolder, "agent.pid");
  const adminPort = await freePort();
  const first = await startAgent(cleanup, dataFolder, [
    ...["--pid-file", pidFile, "--admin", `127.0.0.1:${adminPort}`],
    ...args,
  ]);
  const pids = new Set([first.process.pid]);
  const pid = (): number => {
    const found = Number(readFileSync(pidFile, "utf8"));
    pids.add(found);
    return found;
  };
  cleanup(async () => {
    // One that has ended by itself took its pid file along.
    if (existsSync(pidFile)) pid();
    for (const one of [...pids].filter(isRunning)) process.kill(one, "SIGKILL");
    await eventually(() => ![...pids].some(isRunning));
  });
  return {
    first,
    dataFolder,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    pid,
    restart: async () => {
      const asking = startProcess(cleanup, {
        name: "agent restart",
        command: ["node-agent/main.ts", "restart", "--data", dataFolder],
      });
      const { code } = await asking.ended;
      pid();
      return { code, output: asking.output() };
    },
    hasEnded: async (one) => {
      await eventually(() => !isRunning(one), { withinMs: 40_000, everyMs: 20 });
    },
  };
}
