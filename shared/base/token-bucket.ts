/** How many may pass: so many at once, so many per second on average. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Tokens as they were at a moment. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** A bucket that nobody took from for a long time. */
export function fullBucket(rate: Rate, nowMs: number): Bucket {
  return { tokens: rate.burst, atMs: nowMs };
}

/** The bucket as it stands now: it fills while nobody takes, up to the burst. */
export function refilled(bucket: Bucket, rate: Rate, nowMs: number): Bucket {
  const gained = (Math.max(0, nowMs - bucket.atMs) / 1_000) * rate.perSecond;
  return { tokens: Math.min(rate.burst, bucket.tokens + gained), atMs: nowMs };
}
