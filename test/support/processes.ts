import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { eventually } from "./eventually.ts";

/** The folder that this checkout lies in. */
export const repository = join(import.meta.dirname, "..", "..");

/** Where clean-up is registered: vitest's `onTestFinished` or `afterAll`. */
export type Cleanup = (run: () => Promise<void>) => void;

/** How long a process that is asked to end may take for it: a bound against hanging. */
const stopMsMax = 15_000;

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessSpec {
  /** For messages. */
  readonly name: string;
  /** A file of this checkout, run by the Node that runs the tests, and its arguments. */
  readonly command: readonly string[];
  /** On top of the environment without what is meant for Midstream. */
  readonly environment?: Readonly<Record<string, string>>;
  /** True gives it a process group of its own. */
  readonly detached?: boolean;
  readonly workingFolder?: string;
  /** Another user to run as; only root may say so. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** A real process of ours; gone at the end of the test. */
export class RunningProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #chunks: Buffer[] = [];
  readonly #messages: Readonly<Record<string, unknown>>[] = [];
  readonly ended: Promise<ProcessEnd>;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    child.on("message", (message) => {
      if (typeof message === "object") this.#messages.push({ ...message });
    });
    this.ended = endOf(child);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything it printed so far, both streams. */
  output(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  /** What it sent with `{type: "ready", …}`; fails with its output when it ends before. */
  async ready(withinMs = 60_000): Promise<Readonly<Record<string, unknown>>> {
    const find = () => this.#messages.find((message) => message["type"] === "ready");
    await eventually(() => find() !== undefined || !this.isRunning, { withinMs });
    const ready = find();
    if (ready === undefined) throw new Error(`${this.name} ended early:\n${this.output()}`);
    return ready;
  }

  /** The first message of a type, once it came. */
  message(type: string): Promise<Readonly<Record<string, unknown>>> {
    return eventually(() => {
      const found = this.#messages.find((message) => message["type"] === type);
      if (found === undefined) throw new Error(`${this.name} sent no ${type}`);
      return found;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Closes the channel, as the death of whoever started it would. */
  disconnect(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<ProcessEnd> {
    this.#child.kill("SIGKILL");
    return this.ended;
  }

  /** SIGTERM, SIGKILL when that takes too long, and waits for the end. */
  async stop(): Promise<ProcessEnd> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopMsMax);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }
}

/**
 * Ended, and everything it printed was read. Not the event `close`: Node does not emit it once this
 * side has closed the channel.
 */
async function endOf(child: ChildProcess): Promise<ProcessEnd> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  await Promise.all([once(child, "exit"), ...streams.map((stream) => once(stream, "close"))]);
  return { code: child.exitCode, signal: child.signalCode };
}

/** Starts a process with an IPC channel; `cleanup` ends it. */
export function startProcess(cleanup: Cleanup, spec: ProcessSpec): RunningProcess {
  const [file = "", ...args] = spec.command;
  const child = spawn(process.execPath, [join(repository, file), ...args], {
    cwd: spec.workingFolder ?? repository,
    env: { ...cleanEnvironment(), ...spec.environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: spec.detached ?? false,
    ...spec.user,
  });
  const running = new RunningProcess(spec.name, child);
  cleanup(async () => {
    await running.stop();
  });
  return running;
}

/** The environment without settings that are meant for Midstream's processes or for vitest's. */
export function cleanEnvironment(): Record<string, string> {
  const foreign = /^(?:MIDSTREAM_|VITEST|NODE_OPTIONS$|NODE_ENV$|DATABASE_URL$|FORCE_COLOR$)/;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || foreign.test(name) ? [] : [[name, value]],
    ),
  );
}
