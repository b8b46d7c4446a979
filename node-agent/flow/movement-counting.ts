import type { Clock, Timer } from "#shared/base/clock.ts";
import { movedMs } from "#shared/base/limits.ts";

import type { MovedDatagrams, SessionId } from "../engine/datagrams.ts";
import type { ConnectionId, Engine, MovedBytes } from "../engine/engine.ts";
import type { ConnectionCounts } from "../stats/connection-counts.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { OpenSession } from "./open-session.ts";

export interface MovementCountingDeps {
  readonly clock: Clock;
  readonly engine: Pick<Engine, "takeMoved" | "datagrams">;
  readonly counts: ConnectionCounts;
  readonly connections: ReadonlyMap<ConnectionId, OpenConnection>;
  readonly sessions: ReadonlyMap<SessionId, OpenSession>;
}

/** Brings a worker's counters up to date while something is open, every `movedMs`. */
export class MovementCounting {
  readonly #deps: MovementCountingDeps;
  #timer: Timer | undefined;

  constructor(deps: MovementCountingDeps) {
    this.#deps = deps;
  }

  /** To be called when something may have opened; it ends by itself once nothing is open. */
  follow(): void {
    const { clock, connections, sessions } = this.#deps;
    if (connections.size === 0 && sessions.size === 0) return;
    this.#timer ??= clock.after(movedMs, () => {
      this.#timer = undefined;
      this.#countAll();
      this.follow();
    });
  }

  stop(): void {
    this.#timer?.stop();
  }

  #countAll(): void {
    const { engine } = this.#deps;
    for (const moved of engine.takeMoved()) this.#count(moved);
    for (const moved of engine.datagrams?.takeMoved() ?? []) this.#countSession(moved);
  }

  #count(moved: MovedBytes): void {
    const connection = this.#deps.connections.get(moved.connection);
    if (connection?.backend === undefined) return;
    this.#deps.counts.moved(connection.backend.slot, connection, moved);
  }

  #countSession(moved: MovedDatagrams): void {
    const session = this.#deps.sessions.get(moved.session);
    if (session?.backend === undefined) return;
    if (moved.rxBytes > session.rxBytes) this.#deps.counts.answered(session.backend.slot);
    this.#deps.counts.moved(session.backend.slot, session, moved);
  }
}
