import { spawn, type ChildProcess } from "node:child_process";

import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

import type { LogFile } from "./log-file.ts";

/** How much of its output a dead child is asked to explain itself with. */
const lastLinesShown = 10;

/** How a process ended: by itself with a code, or by a signal. */
export interface ChildEnd {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines it printed. */
  readonly lastLines: string;
}

export interface ChildSpec {
  readonly name: string;
  /** A TypeScript file, run by the Node that runs this process, and its arguments. */
  readonly command: readonly string[];
  readonly workingFolder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: LogFile;
  /** How long it may take to end after SIGTERM, before it is killed. */
  readonly stopMsMax: number;
}

/** A process of ours that was started and will be ended. */
export interface Child extends Stoppable {
  /** Settles when the process has ended, for whatever reason; never rejects. */
  readonly ended: Promise<ChildEnd>;
  /**
   * The message `{type: "ready", …}` that it sends once it serves.
   *
   * @throws Fault `local/child-ended` when it ends first, `local/child-not-ready` after `withinMs`.
   */
  ready(withinMs: number): Promise<unknown>;
}

/**
 * Starts a process in a session of its own: a Ctrl-C in the terminal reaches only us, so that we
 * decide the order in which things end. Should we be killed, the closed channel tells the child.
 */
export function startChild(clock: Clock, spec: ChildSpec): Child {
  const childProcess = spawn(process.execPath, [...spec.command], {
    cwd: spec.workingFolder,
    env: spec.environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  childProcess.stdout?.on("data", (chunk: Buffer) => spec.log.write(chunk));
  childProcess.stderr?.on("data", (chunk: Buffer) => spec.log.write(chunk));
  const ready = firstReady(childProcess);
  const ended = endOf(childProcess, spec);
  return {
    name: spec.name,
    ended,
    ready: (withinMs) => readyWithin(clock, { spec, ready, ended, withinMs }),
    stop: () => stopChild(clock, childProcess, { ended, stopMsMax: spec.stopMsMax }),
  };
}

function firstReady(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    child.on("message", (message: unknown) => {
      if (isReady(message)) resolve(message);
    });
  });
}

function isReady(message: unknown): boolean {
  return (
    typeof message === "object" && message !== null && "type" in message && message.type === "ready"
  );
}

function endOf(child: ChildProcess, spec: ChildSpec): Promise<ChildEnd> {
  return new Promise((resolve) => {
    const tell = (code: number | null, signal: NodeJS.Signals | null): void =>
      resolve({ name: spec.name, code, signal, lastLines: spec.log.tail(lastLinesShown) });
    // "close" comes after the last byte of output; it does not come when nothing was started.
    child.once("close", tell);
    child.once("error", (error) => {
      spec.log.write(Buffer.from(`${error.message}\n`));
      if (child.pid === undefined) tell(null, null);
    });
  });
}

async function readyWithin(
  clock: Clock,
  wait: {
    readonly spec: ChildSpec;
    readonly ready: Promise<unknown>;
    readonly ended: Promise<ChildEnd>;
    readonly withinMs: number;
  },
): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(wait.withinMs, () => late.reject(notReady(wait.spec, wait.withinMs)));
  const early = wait.ended.then((end) => {
    throw new Fault({ code: "local/child-ended", owner: "platform", message: endText(end) });
  });
  try {
    return await Promise.race([wait.ready, early, late.promise]);
  } finally {
    timer.stop();
    early.catch(() => undefined);
  }
}

function notReady(spec: ChildSpec, withinMs: number): Fault {
  return new Fault({
    code: "local/child-not-ready",
    owner: "platform",
    message: `the ${spec.name} was not ready within ${withinMs} ms; its log is ${spec.log.path}`,
  });
}

/** Why a child is gone, for people. */
export function endText(end: ChildEnd): string {
  const how = end.signal === null ? `ended with code ${end.code}` : `was ended by ${end.signal}`;
  return `the ${end.name} ${how}${end.lastLines === "" ? "" : `:\n${end.lastLines}`}`;
}

async function stopChild(
  clock: Clock,
  child: ChildProcess,
  end: { readonly ended: Promise<ChildEnd>; readonly stopMsMax: number },
): Promise<void> {
  child.kill("SIGTERM");
  const killing = clock.after(end.stopMsMax, () => child.kill("SIGKILL"));
  await end.ended;
  killing.stop();
}
