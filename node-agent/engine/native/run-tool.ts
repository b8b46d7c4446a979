import { spawn } from "node:child_process";

/** What a program said, on both of its streams; `code` is undefined when it could not be started. */
export interface ToolAnswer {
  readonly code: number | undefined;
  readonly output: string;
}

/** Runs a compiler to its end. Never rejects. */
export function runTool(program: string, args: readonly string[]): Promise<ToolAnswer> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", (error) => resolve({ code: undefined, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? undefined, output }));
  });
}
