/** Who has to act when a fault shows: decides the HTTP status, the log level and who is woken. */
export type FaultOwner = "client" | "tenant" | "node" | "backend" | "platform";

/** A stable code, `stage/what`: the stage is the folder to open. */
export type FaultCode = `${string}/${string}`;

export interface FaultOptions {
  readonly code: FaultCode;
  readonly owner: FaultOwner;
  /** Safe to show to whoever caused it: never holds a secret or the text of a driver's error. */
  readonly message: string;
  readonly cause?: unknown;
}

/**
 * The unexpected. Expected outcomes are returned as unions; a fault is thrown, and caught where it
 * can be answered or logged once.
 */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly owner: FaultOwner;

  constructor(options: FaultOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.owner = options.owner;
  }
}

/** The `code` of a Node.js system error (`"EADDRINUSE"`), or undefined when it has none. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** A one-line text of anything thrown, for logs. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
