import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

import { eventually } from "./eventually.ts";
import { processTree, type ProcessTree } from "./process-tree.ts";
import { cleanEnvironment, repository, type Cleanup, type ProcessEnd } from "./processes.ts";

/** A running `npm start`, in a process group of its own as a terminal would give it. */
export interface NpmStart {
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  output(): string;
  /** Everything it has started, at this moment. */
  tree(): ProcessTree;
  /** Settles once it says that everything runs; fails with its output when it ends before. */
  started(): Promise<void>;
  /** What a terminal does at Ctrl-C: SIGINT for the whole group. */
  pressCtrlC(): void;
  /** Kills npm alone. */
  killNpm(): void;
}

export interface NpmStartOptions {
  /** Put before the command, to run it as somebody else. */
  readonly prefix?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs `npm start -- …`; whatever is left of it at the end is killed. */
export function npmStart(
  cleanup: Cleanup,
  args: readonly string[],
  options: NpmStartOptions = {},
): NpmStart {
  const [program = "", ...rest] = [...(options.prefix ?? []), "npm", "start", "--", ...args];
  const child = spawn(program, rest, {
    cwd: repository,
    env: { ...cleanEnvironment(), ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const pid = child.pid ?? 0;
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const output = (): string => Buffer.concat(chunks).toString("utf8");
  let lastTree = processTree(pid);
  const tree = (): ProcessTree => (lastTree = processTree(pid));
  cleanup(() => ended(child, lastTree));
  return {
    pid,
    ended: once(child, "exit").then(() => ({ code: child.exitCode, signal: child.signalCode })),
    output,
    tree,
    started: async () => {
      const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
      const runs = (): boolean => output().includes("Ctrl-C ends everything");
      await eventually(() => runs() || isOver(), { withinMs: 90_000, everyMs: 50 });
      if (!runs()) throw new Error(`npm start ended early:\n${output()}`);
      tree();
    },
    pressCtrlC: () => void process.kill(-pid, "SIGINT"),
    killNpm: () => void child.kill("SIGKILL"),
  };
}

async function ended(child: ChildProcess, tree: ProcessTree): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    process.kill(-child.pid, "SIGTERM");
    await once(child, "exit");
  }
  try {
    await eventually(() => tree.left().length === 0, { everyMs: 50 });
  } catch (error) {
    tree.kill();
    throw error;
  }
}
