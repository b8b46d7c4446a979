import type { Clock } from "#shared/base/clock.ts";

import { AccessFile } from "../runtime/access-file.ts";
import { AccessLog, type AccessLogTarget } from "../runtime/access-log.ts";
import type { LogOutput } from "../runtime/log-output.ts";
import type { Log } from "../runtime/log.ts";

export interface OpenAccessLogDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Where the agent's other lines go. */
  readonly output: Pick<LogOutput, "write">;
}

/** A process's access log. */
export interface OpenedAccessLog {
  /** Undefined when none is written. */
  readonly accessLog: AccessLog | undefined;
  /** Resolves when all lines are where they belong, or shortly after. */
  close(): Promise<void>;
}

/**
 * Opens what access logs are written to. A file is opened again when the process is sent SIGHUP,
 * which is how tools that move log files away say so. The signal never ends the process, for who sends
 * it need not know where the log goes.
 */
export function openAccessLog(deps: OpenAccessLogDeps, target: AccessLogTarget): OpenedAccessLog {
  if (target.kind === "file") {
    const file = new AccessFile(deps, target.path);
    process.on("SIGHUP", () => file.reopen());
    return { accessLog: new AccessLog(file), close: () => file.close() };
  }
  process.on("SIGHUP", () => deps.log.info({}, "SIGHUP: no access log file to open again"));
  const accessLog = target.kind === "log" ? new AccessLog(deps.output) : undefined;
  return { accessLog, close: () => Promise.resolve() };
}
