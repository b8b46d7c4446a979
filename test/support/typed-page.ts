import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";

/** Commands of a document, and the output that it shows for them; empty when it shows none. */
export interface PageStep {
  readonly commands: string;
  readonly shown: string;
}

/** The `sh` blocks of a Markdown text in order, each with the block of output that follows it. */
export function pageSteps(markdown: string): readonly PageStep[] {
  const steps: { commands: string; shown: string }[] = [];
  for (const [, language, text = ""] of markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    if (language === "sh") steps.push({ commands: text, shown: "" });
    else if (steps.length > 0) steps[steps.length - 1] = { ...lastOf(steps), shown: text };
  }
  return steps;
}

function lastOf(steps: readonly PageStep[]): PageStep {
  return steps.at(-1) ?? { commands: "", shown: "" };
}

/** As in a terminal's shell, where a job is killed with all its processes. */
const jobControl = "set -m";

/**
 * Types all commands into one shell, as a person does in a terminal.
 *
 * @returns what each step printed.
 */
export async function typePage(
  steps: readonly PageStep[],
  options: {
    /** Put before the shell. */
    readonly prefix: readonly string[];
    readonly workingFolder: string;
    readonly environment: Readonly<Record<string, string>>;
  },
): Promise<readonly string[]> {
  const mark = `step-${randomBytes(8).toString("hex")}`;
  const typed = steps.map(({ commands }) => `${commands}\necho ${mark}\n`).join("");
  const script = `${jobControl}\n${typed}`;
  const [program, ...args] = withPrefix(options.prefix, ["bash", "-c", script]);
  const shell = spawn(program, args, {
    cwd: options.workingFolder,
    env: options.environment,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const chunks: Buffer[] = [];
  shell.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(shell, "exit");
  return Buffer.concat(chunks).toString("utf8").split(`${mark}\n`).slice(0, -1);
}

function withPrefix(
  prefix: readonly string[],
  command: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  const [first, ...rest] = prefix;
  return first === undefined ? command : [first, ...rest, ...command];
}

/** What was shown as a pattern: `…` stands for whatever differs within a line. */
export function shownPattern(shown: string): RegExp {
  const literal = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  const lines = shown
    .trimEnd()
    .split("…")
    .map(literal)
    .join(String.raw`[^\n]*`);
  return new RegExp(`^${lines}$`);
}
