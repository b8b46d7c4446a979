import type { LogLevel } from "../../node-agent/runtime/log-level.ts";
import type { Log, LogFields } from "../../node-agent/runtime/log.ts";

export interface LogLine {
  readonly level: LogLevel;
  readonly fields: LogFields;
  readonly text: string;
}

/** A log that keeps its lines instead of writing them. */
export interface QuietLog extends Log {
  readonly lines: readonly LogLine[];
}

export function quietLog(): QuietLog {
  const lines: LogLine[] = [];
  const at =
    (level: LogLevel, base: LogFields) =>
    (fields: LogFields, text: string): void => {
      lines.push({ level, fields: { ...base, ...fields }, text });
    };
  const logWith = (base: LogFields): Log => ({
    debug: at("debug", base),
    info: at("info", base),
    warn: at("warn", base),
    error: at("error", base),
    fatal: at("fatal", base),
    child: (fields) => logWith({ ...base, ...fields }),
  });
  return { ...logWith({}), lines };
}
