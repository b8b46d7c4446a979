import { backoffMs } from "#shared/base/backoff.ts";
import { sleep, type Clock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  databaseConnectMsMax,
  databaseListenCheckMs,
  databaseRelistenFirstMs,
  databaseRelistenMsMax,
} from "#shared/base/limits.ts";

import { Connection } from "./connection.ts";

export interface ListeningOptions {
  readonly url: string;
  readonly directUrl?: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onListenBroken?: (error: unknown) => void;
}

export interface Hear {
  readonly onPayload: (payload: string) => void;
  readonly onListen: () => void;
}

/**
 * Listens on a channel for as long as it is not stopped, on a connection of its own that is opened
 * again whenever it breaks. Resolves at once: the first `onListen` says that it listens.
 */
export function startListening(
  options: ListeningOptions,
  channel: string,
  hear: Hear,
): Promise<Stoppable> {
  const stop = new AbortController();
  const ended = keepListening(options, { channel, hear }, stop.signal);
  return Promise.resolve({
    name: `listen ${channel}`,
    stop: () => {
      stop.abort();
      return ended;
    },
  });
}

interface Subject {
  readonly channel: string;
  readonly hear: Hear;
}

async function keepListening(
  options: ListeningOptions,
  subject: Subject,
  stop: AbortSignal,
): Promise<void> {
  for (let failures = 0; !stop.aborted;) {
    // oxlint-disable-next-line no-await-in-loop -- one connection after the other
    const outcome = await listenOnce(options, subject, stop);
    if (stop.aborted) return;
    options.onListenBroken?.(outcome.error);
    failures = outcome.listened ? 0 : failures + 1;
    const bounds = { firstMs: databaseRelistenFirstMs, maxMs: databaseRelistenMsMax };
    const waitMs = backoffMs(failures, bounds, options.random);
    // oxlint-disable-next-line no-await-in-loop -- the wait is the point
    await sleep(options.clock, waitMs, stop).catch(() => undefined);
  }
}

interface Ended {
  readonly listened: boolean;
  readonly error: unknown;
}

/** One connection's life: settles when it broke, or when it is told to stop. */
async function listenOnce(
  options: ListeningOptions,
  { channel, hear }: Subject,
  stop: AbortSignal,
): Promise<Ended> {
  const over = Promise.withResolvers<undefined>();
  const connection = new Connection({
    url: options.directUrl ?? options.url,
    clock: options.clock,
    applicationName: "midstream listen",
    onNotify: (heard, payload) => {
      if (heard === channel) hear.onPayload(payload);
    },
    onClosed: () => over.resolve(undefined),
  });
  const cut = (): void => {
    over.resolve(undefined);
    connection.destroy();
  };
  stop.addEventListener("abort", cut, { once: true });
  let listened = false;
  try {
    await answered(options.clock, connection, `LISTEN "${channel}"`);
    listened = true;
    hear.onListen();
    await stillThere(options.clock, connection, over.promise);
    return { listened, error: new Error("the listening connection closed") };
  } catch (error) {
    return { listened, error };
  } finally {
    stop.removeEventListener("abort", cut);
    connection.destroy();
  }
}

/** Asks again and again, until the connection is over or no answer comes. */
async function stillThere(
  clock: Clock,
  connection: Connection,
  over: Promise<undefined>,
): Promise<void> {
  while (!connection.broken) {
    const pause = Promise.withResolvers<undefined>();
    const timer = clock.after(databaseListenCheckMs, () => pause.resolve(undefined));
    // oxlint-disable-next-line no-await-in-loop -- a wait between two questions
    await Promise.race([pause.promise, over]);
    timer.stop();
    // oxlint-disable-next-line no-await-in-loop -- one question at a time
    if (!connection.broken) await answered(clock, connection, "SELECT 1");
  }
}

/** Runs a statement; cuts the connection when the answer takes too long. */
async function answered(clock: Clock, connection: Connection, statement: string): Promise<void> {
  const timer = clock.after(2 * databaseConnectMsMax, () => connection.destroy());
  try {
    await connection.simple(statement);
  } finally {
    timer.stop();
  }
}
