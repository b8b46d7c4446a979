import type { Socket } from "node:net";

import postgres, { type Sql } from "postgres";

import type { Clock } from "#shared/base/clock.ts";
import { databaseConnectMsMax } from "#shared/base/limits.ts";

import { dial, type DialTarget } from "./dial.ts";

export interface ConnectionOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Shown by Postgres beside the session. */
  readonly applicationName: string;
  readonly onNotify?: (channel: string, payload: string) => void;
  readonly onClosed?: () => void;
}

/**
 * One session with Postgres that is never opened again: once it broke, it stays broken.
 *
 * INVARIANT: no statement ever runs on another session than the one its transaction began on.
 * postgres.js reconnects behind one's back and would run what was queued outside any transaction,
 * under the role that owns the tables; a socket that can be had only once prevents it.
 */
export class Connection {
  readonly sql: Sql;
  readonly openedAtMs: number;
  #socket: Socket | undefined;
  #broken = false;
  #fresh = true;

  constructor(options: ConnectionOptions) {
    this.openedAtMs = options.clock.monotonicMs();
    const onclose = (): void => {
      this.#broken = true;
      options.onClosed?.();
    };
    this.sql = postgres(
      options.url,
      clientOptions(options, onclose, (at) => this.#dialOnce(at, options.clock)),
    );
  }

  /** Whether it ended, for whatever reason; set before anything that waited on it hears of it. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Whether nothing has been run on it yet. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Runs statements without parameters in one round trip; gives the last one's command tag. */
  async simple(text: string): Promise<string> {
    this.#fresh = false;
    const results: unknown = await this.sql.unsafe(text).simple();
    return lastCommand(results);
  }

  /** Says goodbye and closes; must not be in use. */
  async end(): Promise<void> {
    this.#broken = true;
    await this.sql.end({ timeout: 1 });
    this.#socket?.destroy();
  }

  /** Cuts it now; what runs on it is refused. */
  destroy(): void {
    this.#broken = true;
    this.#socket?.destroy();
  }

  async #dialOnce(target: DialTarget, clock: Clock): Promise<Socket> {
    if (this.#socket !== undefined || this.#broken) throw connectionGone();
    const socket = await dial(target, clock);
    this.#socket = socket;
    // The first listener; postgres.js adds its own when it takes the socket in the next tick.
    socket.on("error", () => {
      this.#broken = true;
    });
    if (this.#broken) socket.destroy();
    return socket;
  }
}

/** The error of a statement on a connection that is gone. */
export function connectionGone(): Error {
  return Object.assign(new Error("the connection to Postgres is gone"), {
    code: "CONNECTION_CLOSED",
  });
}

function clientOptions(
  options: ConnectionOptions,
  onclose: () => void,
  socket: (target: DialTarget) => Promise<Socket>,
) {
  return {
    max: 1,
    prepare: false,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: databaseConnectMsMax / 1_000,
    keep_alive: 30,
    // It would ask for the types of arrays on every connect, and leave the answer's failure
    // unhandled when the connection breaks just then: that would end the process.
    fetch_types: false,
    connection: { application_name: options.applicationName },
    onnotice: () => undefined,
    onnotify: options.onNotify,
    onclose,
    /** Undocumented in the types: gives postgres.js a connected socket. */
    socket,
  };
}

/** Guarantee: reads only `command`, which postgres.js puts on every result it hands out. */
function lastCommand(results: unknown): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  const all = results as { command?: string } & readonly { command?: string }[];
  return all.at(-1)?.command ?? all.command ?? "";
}
