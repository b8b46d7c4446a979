/** A timer that was started and can be stopped; stopping twice is harmless. */
export interface Timer {
  stop(): void;
}

/** Time as an argument, so that tests need not wait and every schedule can be replayed. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970; may jump. Never used to measure a duration. */
  nowMs(): number;
  /**
   * Monotonic milliseconds since some fixed moment, the same one in all threads of a process; only
   * differences mean something.
   */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `intervalMs`, first after one interval. */
  every(intervalMs: number, run: () => void): Timer;
}

/** Resolves after `delayMs`, or rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(abortReason(signal));
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer.stop();
      if (signal !== undefined) reject(abortReason(signal));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}

/** The clock of the process. Its timers do not keep the process alive when `unref` is true. */
export function systemClock(options: { readonly unref?: boolean } = {}): Clock {
  const tame = (handle: NodeJS.Timeout): NodeJS.Timeout =>
    options.unref === true ? handle.unref() : handle;
  const threadStartMs = startOfThread();
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => threadStartMs + performance.now(),
    after: (delayMs, run) => {
      const handle = tame(setTimeout(run, delayMs));
      return { stop: () => clearTimeout(handle) };
    },
    every: (intervalMs, run) => {
      const handle = tame(setInterval(run, intervalMs));
      return { stop: () => clearInterval(handle) };
    },
  };
}

/**
 * Where `performance.now` counts from, which is the start of its thread, on the clock of `hrtime`,
 * which is the same in all. A thread may lose its core between the two: the narrowest look counts.
 */
function startOfThread(): number {
  let narrowest = { spanMs: Number.POSITIVE_INFINITY, startMs: 0 };
  for (let look = 0; look < looksMax && narrowest.spanMs > closeMs; look += 1) {
    const before = performance.now();
    const commonMs = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    const spanMs = after - before;
    if (spanMs < narrowest.spanMs) narrowest = { spanMs, startMs: commonMs - (before + after) / 2 };
  }
  return narrowest.startMs;
}

const looksMax = 100;
const closeMs = 0.05;
