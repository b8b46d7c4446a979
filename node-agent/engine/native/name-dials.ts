import type { LookupFunction } from "node:net";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";

import type { ConnectionId } from "../engine.ts";

export interface NameDialsDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly onFailed: (connection: ConnectionId, code: string) => void;
}

export interface NameDial {
  readonly connection: ConnectionId;
  readonly name: string;
  /** For the lookup and the dial together; 0 is without limit. */
  readonly connectTimeoutMs: number;
  /** Dials the address that was found, in the time that is left. */
  readonly dial: (host: string, connectTimeoutMs: number) => void;
}

/** Backends that are given by name: each is looked up when it is dialled. */
export class NameDials {
  readonly #deps: NameDialsDeps;
  readonly #waiting = new Map<ConnectionId, Timer | undefined>();

  constructor(deps: NameDialsDeps) {
    this.#deps = deps;
  }

  start({ connection, name, connectTimeoutMs, dial }: NameDial): void {
    const { clock, lookup, onFailed } = this.#deps;
    const startedMs = clock.monotonicMs();
    const onTimeout = (): void => {
      if (this.forget(connection)) onFailed(connection, "ETIMEDOUT");
    };
    const hasLimit = connectTimeoutMs > 0;
    this.#waiting.set(connection, hasLimit ? clock.after(connectTimeoutMs, onTimeout) : undefined);
    lookup(name, { all: false }, (error, host) => {
      if (!this.forget(connection)) return;
      if (error !== null || typeof host !== "string") {
        onFailed(connection, systemErrorCode(error) ?? "ENOTFOUND");
        return;
      }
      const spentMs = Math.floor(clock.monotonicMs() - startedMs);
      dial(host, hasLimit ? Math.max(1, connectTimeoutMs - spentMs) : 0);
    });
  }

  /** Whether a name was being looked up for this connection; its answer is of no interest any more. */
  forget(connection: ConnectionId): boolean {
    if (this.#waiting.size === 0) return false;
    this.#waiting.get(connection)?.stop();
    return this.#waiting.delete(connection);
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer?.stop();
    this.#waiting.clear();
  }
}
