import { spawn, type ChildProcess } from "node:child_process";

import { systemErrorCode } from "#shared/base/fault.ts";

import { commandTerms } from "../runtime/command-environment.ts";
import { killGroup } from "../runtime/kill-group.ts";
import { failedFetch, type FailedFetch } from "./discovery.ts";

export type CommandOutput = { readonly ok: true; readonly output: string } | FailedFetch;

export interface CommandBounds {
  readonly bytesMax: number;
  /** Ends the command and everything it started. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program with its arguments, without a shell, and gives what it prints. It runs in a process
 * group of its own, and whatever is left of that group when the program has ended, or is to end, is
 * killed. Never rejects.
 */
export async function runCommand(
  command: readonly string[],
  { bytesMax, signal }: CommandBounds,
): Promise<CommandOutput> {
  if (signal.aborted) return failedFetch("aborted", "the fetch was ended");
  const [program = "", ...args] = command;
  const started = startProgram(program, args);
  if (!started.ok) return started;
  const { child } = started;
  const ended = Promise.withResolvers<CommandOutput>();
  const give = (failure: FailedFetch): void => {
    ended.resolve(failure);
    killGroup(child);
    // A process that left the group may still hold the pipe.
    child.stdout?.destroy();
  };
  const abort = (): void => give(failedFetch("aborted", "the fetch was ended"));
  signal.addEventListener("abort", abort, { once: true });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
    else give(failedFetch("too-big", `${program} printed more than ${bytesMax} bytes`));
  });
  child.on("error", (error) => ended.resolve(notStarted(program, error)));
  child.on("exit", () => killGroup(child));
  child.on("close", () => {
    const output = Buffer.concat(chunks).toString("utf8");
    ended.resolve(failedEnd(program, child) ?? { ok: true, output });
  });
  return ended.promise.finally(() => signal.removeEventListener("abort", abort));
}

type Started = { readonly ok: true; readonly child: ChildProcess } | FailedFetch;

function startProgram(program: string, args: readonly string[]): Started {
  try {
    const child = spawn(program, args, {
      ...commandTerms,
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    return { ok: true, child };
  } catch (error) {
    // Thrown instead of told for what cannot be an argument: a zero byte.
    return notStarted(program, error);
  }
}

function notStarted(program: string, error: unknown): FailedFetch {
  return failedFetch("not-started", `${program}: ${systemErrorCode(error) ?? "cannot be started"}`);
}

function failedEnd(program: string, child: ChildProcess): FailedFetch | undefined {
  if (child.exitCode === 0) return undefined;
  const how = child.signalCode ?? `code ${child.exitCode}`;
  return failedFetch("exit", `${program} ended with ${how}`);
}
