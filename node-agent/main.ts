import { systemClock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";

import { join } from "./cli/join.ts";
import { run } from "./cli/run.ts";
import { readConfig, type JoinConfig, type RunConfig } from "./config.ts";
import { hostDisk } from "./runtime/disk.ts";
import { createLog, type Log } from "./runtime/log.ts";
import { watchStopRequests } from "./runtime/stop-requests.ts";

const exitCodes = { ended: 0, failed: 1, usage: 2 } as const;

/** The agent's process: reads what it was told, does it, and gives the exit code. */
async function main(): Promise<number> {
  const command = readConfig();
  switch (command.kind) {
    case "help":
      process.stdout.write(command.text);
      return exitCodes.ended;
    case "invalid":
      complain(command.problems);
      return exitCodes.usage;
    case "join":
      return runJoin(command.config);
    case "run":
      return runAgent(command.config);
  }
}

async function runJoin(config: JoinConfig): Promise<number> {
  try {
    const { ok, text } = await join(hostDisk(), config);
    if (!ok) complain([text]);
    else process.stdout.write(`${text}\n`);
    return ok ? exitCodes.ended : exitCodes.failed;
  } catch (error) {
    complain([errorText(error)]);
    return exitCodes.failed;
  }
}

async function runAgent(config: RunConfig): Promise<number> {
  const log = createLog({ level: config.logLevel });
  dieOfDefects(log);
  try {
    const outcome = await run(
      {
        clock: systemClock(),
        random: Math.random,
        disk: hostDisk(),
        log,
        tellParent: (message) => {
          // A parent that is gone is told nothing; its channel says so to the stop requests.
          if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
        },
        onStopRequest: (listener) => watchStopRequests(process, listener),
      },
      config,
    );
    if (outcome.kind === "not-started") complain(outcome.problems);
    return outcome.kind === "ended" ? exitCodes.ended : exitCodes.failed;
  } catch (error) {
    log.fatal({ error: errorText(error) }, "the agent could not start");
    complain([errorText(error)]);
    return exitCodes.failed;
  }
}

/**
 * A defect leaves the process in a state nobody thought of: it ends, the supervisor starts it again,
 * and a start that keeps dying goes back to the snapshot before.
 */
function dieOfDefects(log: Log): void {
  const die = (error: unknown): void => {
    log.fatal({ error: error instanceof Error ? error.stack : error }, "a defect ends the agent");
    process.exit(exitCodes.failed);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
}

function complain(problems: readonly string[]): void {
  for (const problem of problems) process.stderr.write(`midstream agent: ${problem}\n`);
}

process.exit(await main());
