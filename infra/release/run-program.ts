import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs a program to its end and gives its standard output; what it complains of is shown as it comes.
 *
 * @throws Error when it ends with anything but 0
 */
export async function runProgram(
  workingFolder: string,
  [program, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const child = spawn(program, args, { cwd: workingFolder, stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  const output = Buffer.concat(chunks).toString("utf8");
  if (child.exitCode === 0) return output;
  const how = child.exitCode ?? child.signalCode;
  throw new Error(`${program} ${args.join(" ")} ended with ${how}: ${output}`);
}
