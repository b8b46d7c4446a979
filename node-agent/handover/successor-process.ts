import { spawn } from "node:child_process";

import { errorText } from "#shared/base/fault.ts";

import { readFromSuccessor, type FromSuccessor, type ToSuccessor } from "./messages.ts";

/** The process that is to follow this one. */
export interface SuccessorProcess {
  /** Undefined until it has said something. */
  pid(): number | undefined;
  /** Resolves when it is gone, with how, for people. */
  readonly ended: Promise<string>;
  /** Calls `listener` for what it says from now on. */
  hear(listener: (message: FromSuccessor) => void): void;
  /** Lost when it is gone. */
  send(message: ToSuccessor): void;
  /** Resolves when all that was sent has left this process. */
  close(): Promise<void>;
  /** Means nothing to one that is gone. One that has not said anything yet is left alone, and ends. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Starts it with these descriptors, which it has under the numbers from `firstDescriptor` on. */
export type StartSuccessor = (descriptors: readonly number[]) => SuccessorProcess;

/** The standard streams and the channel come before. */
export const firstDescriptor = 4;

export interface SuccessorCommand {
  /** Node, its options, the file and its arguments: as this process was started. */
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** How this process was started, and so the code that lies there now. */
export function ownCommand(environment: NodeJS.ProcessEnv): SuccessorCommand {
  const { execPath, execArgv, argv } = process;
  return { words: [execPath, ...execArgv, ...argv.slice(1)], environment };
}

/**
 * The real thing: a process that inherits the descriptors, and this process's output. It is not a
 * child of this one, which will be gone, but of whoever supervises this one: systemd waits for the
 * end of its own children only, and kills another main process at once. Hence the shell in between,
 * which ends when it has started it; from then on the channel tells whether the process is there.
 */
export function createStartSuccessor({ words, environment }: SuccessorCommand): StartSuccessor {
  return (descriptors) => {
    const child = spawn("/bin/sh", ["-c", '"$@" &', "sh", ...words], {
      env: environment,
      stdio: ["ignore", "inherit", "inherit", "ipc", ...descriptors],
    });
    let pid: number | undefined;
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(`could not be started: ${errorText(error)}`));
      child.once("disconnect", () => resolve("has ended: its last words are in the log"));
    });
    const hear = (listener: (message: FromSuccessor) => void): void => {
      child.on("message", (raw) => {
        const message = readFromSuccessor(raw);
        if (message !== undefined) listener(message);
      });
    };
    hear((message) => {
      if (message.type === "here") ({ pid } = message);
    });
    return {
      pid: () => pid,
      ended,
      hear,
      send: (message) => {
        if (child.connected) child.send(message, () => undefined);
      },
      close: () => flushed(child),
      kill: (signal) => {
        if (!child.connected) return;
        if (pid === undefined) child.disconnect();
        else process.kill(pid, signal);
      },
    };
  };
}

/** An empty message comes after all others; what it does not know the other side leaves out. */
function flushed(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve) => {
    if (child.connected) child.send({}, () => resolve());
    else resolve();
  });
}
