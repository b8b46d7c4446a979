import { spawn } from "node:child_process";
import { once } from "node:events";

/** What a finished child process left: `code` is null when a signal ended it. */
export interface CommandResult {
  readonly code: number | null;
  /** Standard output and standard error as they came. */
  readonly output: string;
}

/** How long a tool may take, in milliseconds; one that hangs is ended. */
const commandMsMax = 300_000;

/** Runs one of the tools in node_modules under this very Node, and collects what it prints. */
export async function runNode(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: commandMsMax,
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return { code: child.exitCode, output: Buffer.concat(chunks).toString("utf8") };
}
