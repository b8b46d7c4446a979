import { spawn } from "node:child_process";

import { errorText } from "#shared/base/fault.ts";

import { readFromSuccessor, type FromSuccessor, type ToSuccessor } from "./messages.ts";

/** The process that is to follow this one. */
export interface SuccessorProcess {
  /** Undefined when it could not be started; `ended` says why. */
  readonly pid: number | undefined;
  /** Resolves when it is gone, with how, for people. */
  readonly ended: Promise<string>;
  /** Calls `listener` for what it says from now on. */
  hear(listener: (message: FromSuccessor) => void): void;
  /** Lost when it is gone. */
  send(message: ToSuccessor): void;
  /** Resolves when all that was sent has left this process. */
  close(): Promise<void>;
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

/** The real thing: a child that inherits the descriptors, and this process's output. */
export function createStartSuccessor({ words, environment }: SuccessorCommand): StartSuccessor {
  return (descriptors) => {
    const [program = "", ...args] = words;
    const child = spawn(program, args, {
      env: environment,
      stdio: ["ignore", "inherit", "inherit", "ipc", ...descriptors],
    });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(`could not be started: ${errorText(error)}`));
      child.once("exit", (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
    });
    return {
      pid: child.pid,
      ended,
      hear: (listener) =>
        void child.on("message", (raw) => {
          const message = readFromSuccessor(raw);
          if (message !== undefined) listener(message);
        }),
      send: (message) => {
        if (child.connected) child.send(message, () => undefined);
      },
      close: () => flushed(child),
      kill: (signal) => void child.kill(signal),
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
