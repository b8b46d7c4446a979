import { spawn } from "node:child_process";
import { once } from "node:events";

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingFolder?: string;
  /** Fed to its standard input; nothing otherwise. */
  readonly input?: NodeJS.ReadableStream;
  /** Another user to run as; only root may say so. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandEnd> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: options.workingFolder,
    env: { ...process.env, ...options.environment },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...options.user,
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading everything says why by its code.
  child.stdin?.on("error", () => undefined);
  if (child.stdin !== null) options.input?.pipe(child.stdin);
  await once(child, "close");
  return {
    code: child.exitCode,
    stdout: Buffer.concat(stdout).toString("utf8"),
    stderr: Buffer.concat(stderr).toString("utf8"),
  };
}

/** What it prints; fails with what it complains when it does not end with 0. */
export async function outputOf(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const end = await runCommand(command, options);
  if (end.code === 0) return end.stdout;
  throw new Error(`${command.join(" ")} ended with ${end.code}:\n${end.stderr || end.stdout}`);
}

/** Where a program lies, or undefined when it is not installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  const end = await runCommand(["sh", "-c", `command -v ${name}`], {
    environment: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });
  return end.code === 0 ? end.stdout.trim() : undefined;
}
