/**
 * `npm start`: everything on one machine. A control plane with its embedded Postgres, an agent, and
 * a demo balancer over two demo backends, each part a process of its own. Whatever ends this
 * process (Ctrl-C, SIGTERM, the death of its parent, the death of a part) ends all of them.
 */
import { randomBytes } from "node:crypto";

import { systemClock } from "#shared/base/clock.ts";
import { errorText, Fault } from "#shared/base/fault.ts";
import { Lifetime } from "#shared/base/lifetime.ts";

import { watchEnding, type Ending, type EndingWatch } from "./ending.ts";
import { readOptions, usage, type StartOptions } from "./options.ts";
import { watchParent } from "./parent-watch.ts";
import { startParts } from "./start-parts.ts";
import { welcomeText } from "./welcome.ts";

/** Parts have bounds of their own that add up to less; this only keeps a bug from hanging. */
const partStopMsMax = 4_500;

const clock = systemClock();

async function main(): Promise<number> {
  const outcome = readOptions(process.argv.slice(2), process.cwd());
  switch (outcome.kind) {
    case "help":
      console.log(usage);
      return 0;
    case "wrong":
      console.error(`${outcome.problems.join("\n")}\n\n${usage}`);
      return 2;
    case "start":
      return run(outcome.options);
  }
}

async function run(options: StartOptions): Promise<number> {
  const ending = watchEnding();
  const life = new Lifetime(clock, partStopMsMax);
  const byNpm = process.env["npm_lifecycle_event"] !== undefined;
  life.own(watchParent(clock, byNpm, () => ending.end({ kind: "orphaned" })));
  // npm passes a Ctrl-C on that the terminal has sent here already: the second one means nothing.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => ending.end({ kind: "asked" }));
  }
  try {
    return await runUntilEnding(options, life, ending);
  } finally {
    await life.stop();
  }
}

async function runUntilEnding(
  options: StartOptions,
  life: Lifetime,
  ending: EndingWatch,
): Promise<number> {
  const randomHex = (bytes: number): string => randomBytes(bytes).toString("hex");
  const deps = { clock, life, ending, randomHex, dataFolder: options.dataFolder };
  const starting = startParts(deps, options).then((started) => {
    console.log(welcomeText(started));
  });
  starting.catch((error: unknown) => {
    ending.end({ kind: "trouble", text: startProblem(error) });
  });
  return told(await ending.happened);
}

/** A Fault says what to do in its message; anything else is a bug, and its stack is wanted. */
function startProblem(error: unknown): string {
  if (error instanceof Fault) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : errorText(error);
}

function told(ending: Ending): number {
  switch (ending.kind) {
    case "asked":
      console.log("\nending");
      return 0;
    case "orphaned":
      return 1;
    case "trouble":
      console.error(ending.text);
      return 1;
  }
}

// When the parent is gone, so may be its end of the pipe; that must not cut the orderly end short.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
process.exit(await main());
