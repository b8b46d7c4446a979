import { systemClock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";

import { successorEnvironment, type RunConfig } from "../config.ts";
import { ownCommand } from "../handover/own-command.ts";
import { listenToPredecessor } from "../handover/predecessor.ts";
import { createStartSuccessor } from "../handover/successor-process.ts";
import { hostDisk } from "../runtime/disk.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { openLogOutput, type LogOutput } from "../runtime/log-output.ts";
import { createLog, type Log } from "../runtime/log.ts";
import { watchStopRequests, type StopRequest, type StopSource } from "../runtime/stop-requests.ts";
import { complain } from "./complain.ts";
import { openAccessLog } from "./open-access-log.ts";
import type { RunOutcome } from "./run-parts.ts";
import { run } from "./run.ts";

const standardOutput = 1;

/** `run` as a process: real time, real files, real signals; gives the exit code. */
export async function runProcess(config: RunConfig): Promise<number> {
  const clock = systemClock();
  const output = openLogOutput(clock, standardOutput);
  const log = createLog({ level: config.logLevel, output });
  dieOfDefects(log, output);
  const access = openAccessLog({ clock, log, output }, config.accessLog);
  // Without a listener the signal would end the process: it may come at any time.
  process.on("SIGUSR2", () => undefined);
  let askToEnd: (request: StopRequest) => void = () => undefined;
  const code = await codeOf(
    run(
      {
        clock,
        random: Math.random,
        disk: hostDisk(),
        log,
        accessLog: access.accessLog,
        tellParent: config.succeeds ? () => undefined : tellParent,
        onStopRequest: (listener) => {
          askToEnd = listener;
          // The channel of a successor leads to the agent before it, whose end is not its own.
          watchStopRequests(config.succeeds ? withoutParent : process, listener);
        },
        onRestartRequest: (listener) => void process.on("SIGUSR2", listener),
        startSuccessor: createStartSuccessor(ownCommand(successorEnvironment())),
        predecessor: config.succeeds
          ? listenToPredecessor(process, () => askToEnd("drain"))
          : undefined,
      },
      config,
    ),
    log,
  );
  await access.close();
  await output.flush();
  return code;
}

async function codeOf(running: Promise<RunOutcome>, log: Log): Promise<number> {
  try {
    const outcome = await running;
    if (outcome.kind === "not-started") complain(outcome.problems);
    return outcome.kind === "ended" ? exitCodes.ended : exitCodes.failed;
  } catch (error) {
    log.fatal({ error: errorText(error) }, "the agent could not start");
    complain([errorText(error)]);
    return exitCodes.failed;
  }
}

const withoutParent: StopSource = { on: (event, listener) => process.on(event, listener) };

/** A parent that is gone is told nothing; its channel says so to the stop requests. */
function tellParent(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * A defect leaves the process in a state nobody thought of: it ends, the supervisor starts it again,
 * and a start that keeps dying goes back to the snapshot before.
 */
function dieOfDefects(log: Log, output: LogOutput): void {
  const die = (defect: unknown): void => {
    log.fatal(
      { error: defect instanceof Error ? defect.stack : defect },
      "a defect ends the agent",
    );
    void output.flush().finally(() => process.exit(exitCodes.failed));
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
}
