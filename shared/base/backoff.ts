export interface BackoffOptions {
  /** Ceiling of the first wait, in milliseconds. */
  readonly firstMs: number;
  /** Ceiling of every later wait, in milliseconds. */
  readonly maxMs: number;
}

/**
 * The wait before try number `attempt` (0 is the first repeat): exponential with full jitter, that
 * is uniform in [0, min(maxMs, firstMs × 2^attempt)). Full jitter spreads a herd best
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: () => number): number {
  const ceilingMs = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random() * ceilingMs);
}

/**
 * The wait before try number `attempt` (0 is the first repeat), never shorter than `firstMs`: the
 * first is exactly that, later ones are uniform in [firstMs, min(maxMs, firstMs × 2^attempt)).
 */
export function spacedBackoffMs(
  attempt: number,
  options: BackoffOptions,
  random: () => number,
): number {
  const { firstMs, maxMs } = options;
  const ceilingMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
  return firstMs + Math.floor(random() * Math.max(0, ceilingMs - firstMs));
}

/** `intervalMs` ± `share` (0.2 is ± 20 %), so that many timers drift apart. */
export function jitteredMs(intervalMs: number, share: number, random: () => number): number {
  return Math.round(intervalMs * (1 - share + 2 * share * random()));
}
