import { DrizzleQueryError } from "drizzle-orm/errors";
import postgres from "postgres";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

/**
 * SQLSTATE classes and codes that mean "not now": connection lost, resources short, shutting down,
 * read-only standby, waited too long, deadlock (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const notNow = /^(08|53|57)|^(25006|25P03|55P03|40001|40P01)$/;

/** Codes of postgres.js and of Node.js sockets: the session is gone or never was. */
const connectionCodes = /^(CONNECTION_|CONNECT_TIMEOUT|E[A-Z_]+$)/;

/** Whether Postgres cannot be reached, went away, or asks to come back later. */
export function isUnavailable(error: unknown): boolean {
  const plain = withoutQuery(error);
  if (plain instanceof postgres.PostgresError) return notNow.test(plain.code);
  return connectionCodes.test(systemErrorCode(plain) ?? "");
}

/**
 * What a transaction's failure is to its caller: faults and foreign errors as they are, Postgres'
 * own as a fault without the statement and its parameters, which may be secret.
 */
export function storageFault(error: unknown): unknown {
  const cause = withoutQuery(error);
  if (isUnavailable(cause)) return unavailable(cause);
  if (!(cause instanceof postgres.PostgresError)) return cause;
  return new Fault({
    code: "storage/query-failed",
    owner: "platform",
    message: "the database refused a statement",
    cause,
  });
}

export function unavailable(cause: unknown): Fault {
  return new Fault({
    code: "storage/unavailable",
    owner: "platform",
    message: "the database cannot be reached at the moment; try again",
    cause,
  });
}

/** The commit was sent and its answer never came: the change may or may not be there. */
export function commitUnknown(cause: unknown): Fault {
  return new Fault({
    code: "storage/commit-unknown",
    owner: "platform",
    message: "the database went away during the commit: the change may or may not have happened",
    cause,
  });
}

/** drizzle's error names the statement and its parameters; only what Postgres said is kept. */
function withoutQuery(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}
