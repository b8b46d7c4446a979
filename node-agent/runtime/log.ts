import { pino, type Logger } from "pino";

import type { LogLevel } from "./log-level.ts";
import type { LogOutput } from "./log-output.ts";

/** What a log line says besides its text. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Facts, once, when something ended or flipped; never a secret. */
export interface Log {
  debug(fields: LogFields, text: string): void;
  info(fields: LogFields, text: string): void;
  warn(fields: LogFields, text: string): void;
  error(fields: LogFields, text: string): void;
  fatal(fields: LogFields, text: string): void;
  /** A log whose lines all carry these fields. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly output: Pick<LogOutput, "write">;
}

/** One JSON line per fact. */
export function createLog({ level, output }: LogOptions): Log {
  const base = { name: "midstream-agent", pid: process.pid };
  return faceOf(pino({ level, base }, output));
}

function faceOf(logger: Logger): Log {
  return {
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    error: (fields, text) => logger.error(fields, text),
    fatal: (fields, text) => logger.fatal(fields, text),
    child: (fields) => faceOf(logger.child(fields)),
  };
}

/** For parts that shall say nothing. */
export function silentLog(): Log {
  const nothing = (): void => undefined;
  const log: Log = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
    child: () => log,
  };
  return log;
}
