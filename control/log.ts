import pino, { type DestinationStream } from "pino";

/** From what wakes somebody to what only a debugger wants. */
export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Facts of one event. Never a secret, never a body. */
export type LogFields = Readonly<Record<string, unknown>>;

/** An event's name, `part.what`: `http.request`, `link.close`. */
export type LogEvent = `${string}.${string}`;

/** Where facts go, one line each, when something ended or flipped. */
export interface Log {
  readonly error: (event: LogEvent, fields?: LogFields) => void;
  readonly warn: (event: LogEvent, fields?: LogFields) => void;
  readonly info: (event: LogEvent, fields?: LogFields) => void;
  readonly debug: (event: LogEvent, fields?: LogFields) => void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Names this process among the instances of one control plane. */
  readonly instance: string;
  /** Standard output unless given. */
  readonly destination?: DestinationStream;
}

/** A log of JSON lines: `{level, time, instance, event, …fields}`. */
export function createLog(options: LogOptions): Log {
  const logger = pino(
    {
      level: options.level,
      base: { instance: options.instance },
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError, cause: describeError },
    },
    options.destination ?? standardOutput(),
  );
  return {
    error: (event, fields = {}) => logger.error(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    debug: (event, fields = {}) => logger.debug(fields, event),
  };
}

/** Whoever read our output may be gone; that must not cut an orderly end short. */
function standardOutput(): DestinationStream {
  const destination = pino.destination({ dest: 1, sync: true });
  destination.on("error", () => undefined);
  return destination;
}

/** A thrown value and its causes, without what drivers attach to them (parameters, rows). */
interface DescribedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly at?: readonly string[];
  readonly cause?: DescribedError;
}

const causesMax = 5;
const stackLinesMax = 12;

function describeError(thrown: unknown, depth = 0): DescribedError {
  if (!(thrown instanceof Error)) return { name: "thrown", message: typeof thrown };
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
  const frames = thrown.stack?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
  return {
    name: thrown.name,
    message: messageOf(thrown),
    ...(code === undefined ? {} : { code }),
    at: frames.slice(0, stackLinesMax).map((line) => line.trim().slice(3)),
    ...(thrown.cause === undefined || depth >= causesMax
      ? {}
      : { cause: describeError(thrown.cause, depth + 1) }),
  };
}

/** A failed query's message lists its parameters, which may be secrets: only the query is told. */
function messageOf(error: Error): string {
  return "query" in error && typeof error.query === "string"
    ? `failed query: ${error.query}`
    : error.message;
}
