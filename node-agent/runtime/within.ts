import type { Clock } from "#shared/base/clock.ts";

/**
 * What `work` gives, or `otherwise` when it takes longer than `ms`: the work itself goes on, and its
 * late result is nobody's. Rejects as the work does, if it does so in time.
 */
export async function within<T, U>(
  clock: Clock,
  work: Promise<T>,
  bound: { readonly ms: number; readonly otherwise: U },
): Promise<T | U> {
  const late = Promise.withResolvers<U>();
  const timer = clock.after(bound.ms, () => late.resolve(bound.otherwise));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.stop();
  }
}
