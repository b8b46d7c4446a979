import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync, readFileSync } from "node:fs";

import { eventually } from "../../support/eventually.ts";
import { processTree } from "../../support/process-tree.ts";
import { cleanEnvironment, type Cleanup } from "../../support/processes.ts";
import { boundPorts, listeningPorts } from "../measure/proc.ts";

export interface ProgramSpec {
  readonly command: readonly string[];
  /** Everything it prints goes here. */
  readonly logFile: string;
  /** It is ready once it listens on these. */
  readonly ports: readonly number[];
  /** And takes datagrams on these. */
  readonly datagramPorts?: readonly number[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Somebody else's program, running. */
export interface Program {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Ends it and everything below it. */
  stop(): Promise<void>;
}

const readyMsMax = 10_000;
const stopMsMax = 3_000;

/** Starts a program and waits until it listens; fails with what it printed when it ends instead. */
export async function startProgram(cleanup: Cleanup, spec: ProgramSpec): Promise<Program> {
  const [program = "", ...args] = spec.command;
  const log = openSync(spec.logFile, "a");
  const child = spawn(program, args, {
    env: { ...cleanEnvironment(), ...spec.environment },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const failed = once(child, "error").then(([error]) => Promise.reject(asError(error)));
  const stop = (): Promise<void> => stopProgram(child);
  cleanup(stop);
  await Promise.race([ready(child, spec), failed]);
  failed.catch(() => undefined);
  return { pid: child.pid ?? 0, signal: (name) => void child.kill(name), stop };
}

async function ready(child: ChildProcess, spec: ProgramSpec): Promise<void> {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const isReady = (): boolean =>
    listensOn(spec.ports) && takesDatagramsOn(spec.datagramPorts ?? []);
  await eventually(() => isOver() || isReady(), { withinMs: readyMsMax });
  if (!isOver()) return;
  const printed = readFileSync(spec.logFile, "utf8").slice(-1_000);
  throw new Error(`${spec.command.join(" ")} ended early:\n${printed}`);
}

/** Whether somebody listens on all of these (IPv4). */
export function listensOn(ports: readonly number[]): boolean {
  const listening = listeningPorts(readFileSync("/proc/net/tcp", "utf8"));
  return ports.every((port) => listening.has(port));
}

/** Whether somebody takes datagrams on all of these (IPv4). */
export function takesDatagramsOn(ports: readonly number[]): boolean {
  const bound = boundPorts(readFileSync("/proc/net/udp", "utf8"));
  return ports.every((port) => bound.has(port));
}

async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const tree = processTree(child.pid);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
  await ended;
  clearTimeout(timer);
  tree.kill();
  await eventually(() => tree.left().length === 0);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
