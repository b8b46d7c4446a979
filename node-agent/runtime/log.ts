import { destination, pino, type Logger } from "pino";

import type { LogLevel } from "./log-level.ts";

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

/** One JSON line per fact on standard output. Written at once, so that the last line before a crash is there. */
export function createLog(options: { readonly level: LogLevel }): Log {
  const output = destination({ fd: 1, sync: true });
  // Whoever read the output is gone; there is nobody left to tell, and traffic goes on.
  output.on("error", () => undefined);
  return faceOf(
    pino({ level: options.level, base: { name: "midstream-agent", pid: process.pid } }, output),
  );
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
