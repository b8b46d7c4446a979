import type { Clock } from "#shared/base/clock.ts";
import { rateLimitEntriesMax } from "#shared/base/limits.ts";

export interface RateLimit {
  /** Names the policy in the answers' headers. */
  readonly name: string;
  /** Calls that may come at once. */
  readonly burst: number;
  /** Calls per second on average. */
  readonly perSecond: number;
}

/** What a call met: whether it may pass, what is left, and when something will be there again. */
export interface RateDecision {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly retryAfterS: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Token buckets by key; of the least recently used ones the oldest is forgotten when it is full. */
export class RateLimiter {
  readonly limit: RateLimit;
  readonly #clock: Clock;
  readonly #entriesMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limit: RateLimit, entriesMax: number = rateLimitEntriesMax) {
    this.#clock = clock;
    this.limit = limit;
    this.#entriesMax = entriesMax;
  }

  /** Takes one token of the key's bucket when there is one. */
  take(key: string): RateDecision {
    const { burst, perSecond } = this.limit;
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1_000) * perSecond);
    bucket.atMs = nowMs;
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    this.#remember(key, bucket);
    return {
      allowed,
      remaining: Math.floor(bucket.tokens),
      retryAfterS: Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond)),
    };
  }

  /** A map keeps the order of insertion: what is used moves to its end. */
  #remember(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#entriesMax) return;
    const oldest = this.#buckets.keys().next();
    if (oldest.done !== true) this.#buckets.delete(oldest.value);
  }
}
