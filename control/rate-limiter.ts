import type { Clock } from "#shared/base/clock.ts";
import { rateLimitEntriesMax } from "#shared/base/limits.ts";
import { fullBucket, refilled, type Bucket, type Rate } from "#shared/base/token-bucket.ts";

export interface RateLimit extends Rate {
  /** Names the policy in the answers' headers. */
  readonly name: string;
}

/** What a call met: whether it may pass, what is left, and when something will be there again. */
export interface RateDecision {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly retryAfterS: number;
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
    const { tokens, atMs } = this.#bucketOf(key);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    this.#remember(key, { tokens: left, atMs });
    return this.#decision(allowed, left);
  }

  /** What `take` would find now; takes nothing. */
  look(key: string): RateDecision {
    const { tokens } = this.#bucketOf(key);
    return this.#decision(tokens >= 1, tokens);
  }

  /** Puts back what was taken: the call was none of those that are counted. */
  giveBack(key: string): void {
    const { burst } = this.limit;
    const { tokens, atMs } = this.#bucketOf(key);
    // A full bucket is what a key without one has.
    if (tokens + 1 >= burst) this.#buckets.delete(key);
    else this.#remember(key, { tokens: tokens + 1, atMs });
  }

  #bucketOf(key: string): Bucket {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(key) ?? fullBucket(this.limit, nowMs);
    return refilled(bucket, this.limit, nowMs);
  }

  #decision(allowed: boolean, tokens: number): RateDecision {
    return {
      allowed,
      remaining: Math.floor(tokens),
      retryAfterS: Math.max(1, Math.ceil((1 - tokens) / this.limit.perSecond)),
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
