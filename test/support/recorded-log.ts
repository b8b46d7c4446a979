import type { Log, LogEvent, LogFields } from "../../control/log.ts";

export interface LogLine {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly event: LogEvent;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export function recordedLog(): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (event: LogEvent, fields: LogFields = {}): void => {
      lines.push({ level, event, fields });
    };
  return { lines, error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}
