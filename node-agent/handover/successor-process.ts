import { spawn, type ChildProcess } from "node:child_process";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";

import { readFromSuccessor, type FromSuccessor, type ToSuccessor } from "./messages.ts";
import type { SuccessorCommand } from "./own-command.ts";

/** The process that is to follow this one. */
export interface SuccessorProcess {
  /** As it says itself; until then as the shell that started it has said, if it has. */
  pid(): number | undefined;
  /** Resolves when it is gone, with how, for people. */
  readonly ended: Promise<string>;
  /** Calls `listener` for what it says from now on. */
  hear(listener: (message: FromSuccessor) => void): void;
  /** Lost when it is gone. */
  send(message: ToSuccessor): void;
  /** Resolves when all that was sent has left this process. */
  close(): Promise<void>;
  /** Means nothing to one that is gone; to one whose process id is not known yet, once it is. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Starts it with these descriptors, which it has under the numbers from `firstDescriptor` on. */
export type StartSuccessor = (descriptors: readonly number[]) => SuccessorProcess;

/** Of the shell that starts it: tells the process id. The successor does not have it. */
const pidDescriptor = 4;

/** The standard streams, the channel and `pidDescriptor` come before. */
export const firstDescriptor = 5;

/**
 * The real thing: a process that inherits the descriptors, and this process's output. It is not a
 * child of this one, which will be gone, but of whoever supervises this one: systemd waits for the
 * end of its own children only, and kills another main process at once. Hence the shell in between,
 * which says what it has started and ends; from then on the channel tells whether the process is there.
 */
export function createStartSuccessor(command: SuccessorCommand): StartSuccessor {
  const script = `"$@" ${pidDescriptor}>&- & echo $! >&${pidDescriptor}`;
  return (descriptors) => {
    const child = spawn("/bin/sh", ["-c", script, "sh", ...command.words()], {
      cwd: command.workingFolder(),
      env: command.environment,
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe", ...descriptors],
    });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(`could not be started: ${errorText(error)}`));
      child.once("disconnect", () => resolve("has ended: its last words are in the log"));
    });
    return {
      ...processOf(child),
      ended,
      hear: (listener) => hear(child, listener),
      send: (message) => {
        if (child.connected) child.send(message, () => undefined);
      },
      close: () => flushed(child),
    };
  };
}

/** Which process it is, from two sides: one that hangs before its first word is ended as well. */
function processOf(child: ChildProcess): Pick<SuccessorProcess, "pid" | "kill"> {
  let own: number | undefined;
  let started: number | undefined;
  hear(child, (message) => {
    if (message.type === "here") own = message.pid;
  });
  const known = startedProcess(child).then((pid) => (started = pid));
  const pid = (): number | undefined => own ?? started;
  const end = (signal: NodeJS.Signals): void => {
    // Without a channel it is gone, and its number may be another's.
    const target = child.connected ? pid() : undefined;
    if (target !== undefined) signalled(target, signal);
  };
  return {
    pid,
    kill: (signal) => (pid() === undefined ? void known.then(() => end(signal)) : end(signal)),
  };
}

/** What the shell says; undefined when there is none, or it died before it could. */
async function startedProcess({ stdio }: ChildProcess): Promise<number | undefined> {
  // With no descriptor free there is no process, and Node leaves the streams out against its types.
  const stream = (stdio as ChildProcess["stdio"] | undefined)?.[pidDescriptor];
  if (!(stream instanceof Readable)) return undefined;
  const pid = Number(await text(stream).catch(() => ""));
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has just ended.
    if (systemErrorCode(error) !== "ESRCH") throw error;
  }
}

function hear(child: ChildProcess, listener: (message: FromSuccessor) => void): void {
  child.on("message", (raw) => {
    const message = readFromSuccessor(raw);
    if (message !== undefined) listener(message);
  });
}

/** An empty message comes after all others; what it does not know the other side leaves out. */
function flushed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.connected) child.send({}, () => resolve());
    else resolve();
  });
}
