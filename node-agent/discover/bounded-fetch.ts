import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock } from "#shared/base/clock.ts";
import { fetchMsMax } from "#shared/base/limits.ts";

import {
  failedFetch,
  unexpectedEnd,
  type FailedFetch,
  type Fetch,
  type Fetched,
} from "./discovery.ts";

export interface FetchBounds {
  /** Time for it, in milliseconds; 0 is `fetchMsMax`, and so is everything above. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly ended: AbortSignal;
}

/**
 * A fetch that ends in time whatever the source does. When its time is over it is a `timeout`, unless
 * the fetch then says at once that what had come so far is a `bad-answer`. Never rejects.
 */
export async function boundedFetch(
  clock: Clock,
  fetch: Fetch,
  { timeoutMs, ended }: FetchBounds,
): Promise<Fetched> {
  const boundMs = timeoutMs === 0 ? fetchMsMax : Math.min(timeoutMs, fetchMsMax);
  const bound = new AbortController();
  const over = Promise.withResolvers<FailedFetch>();
  const timer = clock.after(boundMs, () => {
    bound.abort();
    void nextTurn(failedFetch("timeout", `no answer within ${boundMs} ms`)).then(over.resolve);
  });
  const signal = AbortSignal.any([ended, bound.signal]);
  const running = Promise.try(fetch, signal).catch(unexpectedEnd);
  const fetched = await Promise.race([running, over.promise]).finally(() => timer.stop());
  return bound.signal.aborted && !isBadAnswer(fetched) ? over.promise : fetched;
}

function isBadAnswer(fetched: Fetched): boolean {
  return !fetched.ok && fetched.code === "bad-answer";
}
