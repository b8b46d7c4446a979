import { drizzle } from "drizzle-orm/postgres-js";
import type { Sql } from "postgres";

import { Fault } from "#shared/base/fault.ts";

import { connectionGone, type Connection } from "./connection.ts";
import type { Transaction } from "./database.ts";
import { commitUnknown, isUnavailable, storageFault } from "./storage-fault.ts";

/**
 * Runs `run` in the transaction that is open on the connection, then commits; rolls back when
 * `run` throws, and throws the same.
 *
 * @throws Fault `storage/unavailable`, `storage/commit-unknown`, `storage/query-failed`, or
 *   `storage/rolled-back` when `run` went on after a failed statement, so that there was nothing
 *   left to commit
 */
export async function runTransaction<T>(
  connection: Connection,
  run: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = new TransactionClient(connection);
  try {
    return await drizzle({ client: asSql(client) }).transaction(run);
  } catch (error) {
    throw storageFault(error);
  }
}

/** What drizzle calls of a postgres.js client, bound to one transaction that is already open. */
class TransactionClient {
  readonly options: Sql["options"];
  readonly #connection: Connection;
  #ended = false;
  #savepoints = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.options = connection.sql.options;
  }

  /** A statement; refused when the connection broke or the transaction is over. */
  unsafe(...statement: Parameters<Sql["unsafe"]>): ReturnType<Sql["unsafe"]> {
    if (this.#ended || this.#connection.broken) throw connectionGone();
    return this.#connection.sql.unsafe(...statement);
  }

  async begin<T>(body: (client: TransactionClient) => Promise<T>): Promise<T> {
    const result = await this.#orRollback("ROLLBACK", () => body(this));
    this.#ended = true;
    await this.#commit();
    return result;
  }

  async savepoint<T>(body: (client: TransactionClient) => Promise<T>): Promise<T> {
    this.#savepoints += 1;
    const name = `nested_${this.#savepoints}`;
    await this.#connection.simple(`SAVEPOINT ${name}`);
    return this.#orRollback(`ROLLBACK TO ${name}`, () => body(this));
  }

  async #orRollback<T>(rollback: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      await this.#undo(rollback);
      throw error;
    }
  }

  /** A connection that cannot even roll back is cut: Postgres rolls back then. */
  async #undo(rollback: string): Promise<void> {
    if (rollback === "ROLLBACK") this.#ended = true;
    if (this.#connection.broken) return;
    try {
      await this.#connection.simple(rollback);
    } catch {
      this.#connection.destroy();
    }
  }

  async #commit(): Promise<void> {
    if (this.#connection.broken) throw connectionGone();
    const tag = await this.#connection.simple("COMMIT").catch((error: unknown) => {
      const inDoubt = this.#connection.broken || isUnavailable(error);
      this.#connection.destroy();
      throw inDoubt ? commitUnknown(error) : error;
    });
    if (tag !== "COMMIT") throw rolledBack();
  }
}

function rolledBack(): Fault {
  const message = "the transaction had failed before its commit";
  return new Fault({ code: "storage/rolled-back", owner: "platform", message });
}

/**
 * Guarantee: drizzle's postgres.js driver reads `options` and calls `unsafe`, `begin` and
 * `savepoint`, nothing else (drizzle-orm/postgres-js/session.js).
 */
function asSql(client: TransactionClient): Sql {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return client as unknown as Sql;
}
