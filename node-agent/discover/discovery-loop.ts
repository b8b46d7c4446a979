import type { Clock, Timer } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";
import { fetchRetryMs, fetchRetryMsMax } from "#shared/base/limits.ts";
import type { Backend } from "#shared/definition/backend.ts";

import type { Fetch, Fetched } from "./discovery.ts";

export interface DiscoveryLoopDeps {
  readonly clock: Clock;
  readonly fetch: Fetch;
}

export interface DiscoveryLoopOptions {
  /** Pause after each delivery; 0 fetches until the first success and never again. */
  readonly intervalMs: number;
  /** Bound of one fetch; 0 is without. */
  readonly timeoutMs: number;
  /** After a failure: keep the last backends, or have none. */
  readonly failPolicy: "keeplast" | "setempty";
  /** A whole list, after every success, and an empty one after a failure under `setempty`. */
  readonly onBackends: (backends: readonly Backend[]) => void;
  readonly onFailure: (failure: Extract<Fetched, { ok: false }>) => void;
}

export interface DiscoveryLoop {
  /** Ends the fetch that is under way; nothing is delivered afterwards. */
  stop(): void;
}

/**
 * Fetches at once and then at every interval after a delivery. After a failure it tries again in
 * `fetchRetryMs`, twice that after the next one, up to `fetchRetryMsMax`.
 */
export function startDiscoveryLoop(
  deps: DiscoveryLoopDeps,
  options: DiscoveryLoopOptions,
): DiscoveryLoop {
  const ended = new AbortController();
  let timer: Timer | undefined;
  let failures = 0;

  const again = (delayMs: number): void => {
    timer = deps.clock.after(delayMs, () => void fetchOnce());
  };
  const fetchOnce = async (): Promise<void> => {
    const fetched = await boundedFetch(deps, options.timeoutMs, ended.signal);
    if (ended.signal.aborted) return;
    if (fetched.ok) {
      failures = 0;
      options.onBackends(fetched.backends);
      if (options.intervalMs > 0) again(options.intervalMs);
      return;
    }
    options.onFailure(fetched);
    if (options.failPolicy === "setempty") options.onBackends([]);
    again(Math.min(fetchRetryMsMax, fetchRetryMs * 2 ** Math.min(failures, 10)));
    failures += 1;
  };
  void fetchOnce();

  return {
    stop: () => {
      timer?.stop();
      ended.abort();
    },
  };
}

/** A fetch that ends in time whatever the source does. */
async function boundedFetch(
  deps: DiscoveryLoopDeps,
  timeoutMs: number,
  ended: AbortSignal,
): Promise<Fetched> {
  const bound = new AbortController();
  const signal = AbortSignal.any([ended, bound.signal]);
  const over = Promise.withResolvers<Fetched>();
  const expire = (): void => {
    bound.abort();
    const detail = `no answer within ${timeoutMs} ms`;
    over.resolve({ ok: false, code: "timeout", detail });
  };
  const timer = timeoutMs > 0 ? deps.clock.after(timeoutMs, expire) : undefined;
  try {
    return await Promise.race([deps.fetch(signal), over.promise]);
  } catch (error) {
    return { ok: false, code: "failed", detail: errorText(error) };
  } finally {
    timer?.stop();
  }
}
