import type { Clock, Timer } from "#shared/base/clock.ts";
import {
  databaseConnectionAgeMsMax,
  databaseConnectionsMax,
  databaseIdleMsMax,
  databaseWaitersMax,
  databaseWaitMsMax,
} from "#shared/base/limits.ts";

import type { Connection } from "./connection.ts";
import { unavailable } from "./storage-fault.ts";

interface Waiter {
  readonly take: (connection: Connection) => void;
  readonly refuse: (why: Error) => void;
  readonly timer: Timer;
}

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

/**
 * A bounded set of connections, the most recently used first, so that unused ones grow old and are
 * closed. Who finds none free waits in line, for a bounded time, in a bounded line.
 */
export class ConnectionPool {
  readonly #clock: Clock;
  readonly #open: () => Connection;
  readonly #idle: Idle[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #inUse = new Set<Connection>();
  readonly #sweep: Timer;
  #ended = false;

  constructor(clock: Clock, open: () => Connection) {
    this.#clock = clock;
    this.#open = open;
    this.#sweep = clock.every(databaseIdleMsMax / 2, () => this.#closeUnused());
  }

  /**
   * A connection that is the caller's until it is given back.
   * @throws Fault `storage/unavailable` when none became free in time
   */
  take(): Promise<Connection> {
    if (this.#ended) return Promise.reject(unavailable(new Error("the pool is closed")));
    const free = this.#freeOne();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#waiters.length >= databaseWaitersMax) {
      return Promise.reject(unavailable(new Error("too many transactions wait for a connection")));
    }
    return this.#waitInLine();
  }

  /** Ends the caller's use; a broken or old connection is replaced when next needed. */
  give(connection: Connection): void {
    this.#inUse.delete(connection);
    if (this.#keeps(connection)) {
      this.#idle.push({ connection, sinceMs: this.#clock.monotonicMs() });
    } else {
      void closed(connection);
    }
    this.#serveNext();
  }

  /** Refuses who waits, closes what is idle, and cuts what is still in use. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#sweep.stop();
    for (const waiter of this.#waiters.splice(0)) {
      waiter.timer.stop();
      waiter.refuse(unavailable(new Error("the pool is closed")));
    }
    for (const connection of this.#inUse) connection.destroy();
    await Promise.all(this.#idle.splice(0).map(({ connection }) => closed(connection)));
  }

  #freeOne(): Connection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.connection.broken) return this.#used(idle.connection);
      void closed(idle.connection);
    }
    return this.#inUse.size < databaseConnectionsMax ? this.#used(this.#open()) : undefined;
  }

  #used(connection: Connection): Connection {
    this.#inUse.add(connection);
    return connection;
  }

  #waitInLine(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const refuse = (why: Error): void => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        reject(why);
      };
      const timer = this.#clock.after(databaseWaitMsMax, () =>
        refuse(unavailable(new Error(`no connection free within ${databaseWaitMsMax} ms`))),
      );
      const waiter: Waiter = { take: resolve, refuse, timer };
      this.#waiters.push(waiter);
    });
  }

  #serveNext(): void {
    if (this.#waiters.length === 0 || this.#ended) return;
    const free = this.#freeOne();
    if (free === undefined) return;
    const next = this.#waiters.shift();
    next?.timer.stop();
    next?.take(free);
  }

  #keeps(connection: Connection): boolean {
    const ageMs = this.#clock.monotonicMs() - connection.openedAtMs;
    return !this.#ended && !connection.broken && ageMs < databaseConnectionAgeMsMax;
  }

  #closeUnused(): void {
    const deadlineMs = this.#clock.monotonicMs() - databaseIdleMsMax;
    const old = this.#idle.filter((idle) => idle.sinceMs < deadlineMs || idle.connection.broken);
    for (const idle of old) {
      this.#idle.splice(this.#idle.indexOf(idle), 1);
      void closed(idle.connection);
    }
  }
}

/** Closing is best effort: what fails here is a connection that is gone already. */
async function closed(connection: Connection): Promise<void> {
  try {
    await connection.end();
  } catch {
    connection.destroy();
  }
}
