/** A backend's health, and how far the results in a row have come towards the other one. */
export interface Streak {
  readonly isHealthy: boolean;
  /** Results in a row that contradict `isHealthy`. */
  readonly against: number;
}

export interface StreakThresholds {
  /** Failures in a row that take a healthy backend down. */
  readonly fails: number;
  /** Successes in a row that bring an unhealthy one up. */
  readonly passes: number;
}

/**
 * The streak after one more result. Only results in a row count: one that agrees with the present
 * status starts the count anew.
 */
export function afterResult(streak: Streak, ok: boolean, thresholds: StreakThresholds): Streak {
  if (ok === streak.isHealthy) return { isHealthy: streak.isHealthy, against: 0 };
  const against = streak.against + 1;
  const needed = streak.isHealthy ? thresholds.fails : thresholds.passes;
  return against >= needed
    ? { isHealthy: ok, against: 0 }
    : { isHealthy: streak.isHealthy, against };
}
