import type { Clock } from "#shared/base/clock.ts";
import { fetchMsMax } from "#shared/base/limits.ts";

import { failedFetch, unexpectedEnd, type Fetch, type Fetched } from "./discovery.ts";

export interface FetchBounds {
  /** Time for it, in milliseconds; 0 is `fetchMsMax`, and so is everything above. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly ended: AbortSignal;
}

/** A fetch that ends in time whatever the source does. Never rejects. */
export async function boundedFetch(
  clock: Clock,
  fetch: Fetch,
  { timeoutMs, ended }: FetchBounds,
): Promise<Fetched> {
  const boundMs = timeoutMs === 0 ? fetchMsMax : Math.min(timeoutMs, fetchMsMax);
  const bound = new AbortController();
  const over = Promise.withResolvers<Fetched>();
  const timer = clock.after(boundMs, () => {
    over.resolve(failedFetch("timeout", `no answer within ${boundMs} ms`));
    bound.abort();
  });
  try {
    return await Promise.race([fetch(AbortSignal.any([ended, bound.signal])), over.promise]);
  } catch (error) {
    return unexpectedEnd(error);
  } finally {
    timer.stop();
  }
}
