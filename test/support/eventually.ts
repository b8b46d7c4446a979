/** A bound against hanging on a host that is slow, busy, or stalls: milliseconds. */
export const patienceMs = 30_000;

export interface EventuallyOptions {
  /** How long to keep trying, in milliseconds; a bound against hanging, not an expectation. */
  readonly withinMs?: number;
  /** The pause between two tries, in milliseconds. */
  readonly everyMs?: number;
}

/**
 * Waits for a condition instead of for the time it usually takes: tries `check` until it neither
 * throws nor returns `false`, and returns what it returned.
 *
 * @throws Error naming the time waited, with the last failure as its cause.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<T> {
  const withinMs = options.withinMs ?? patienceMs;
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const outcome = await tryOnce(check);
    if (outcome.held) return outcome.value;
    if (performance.now() >= deadlineMs) throw notWithin(withinMs, outcome.why);
    await pause(options.everyMs ?? 10);
  }
}

type Outcome<T> =
  | { readonly held: true; readonly value: T }
  | { readonly held: false; readonly why: unknown };

async function tryOnce<T>(check: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    const value = await check();
    return value === false ? { held: false, why: "still false" } : { held: true, value };
  } catch (error) {
    return { held: false, why: error };
  }
}

function notWithin(withinMs: number, why: unknown): Error {
  const last = why instanceof Error ? why.message : String(why);
  return new Error(`not within ${withinMs} ms: ${last}`, { cause: why });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
