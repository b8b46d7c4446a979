import type { MiddlewareHandler } from "hono";

import type { Clock } from "#shared/base/clock.ts";
import { answerMsMax, requestsInFlightMax, retryAfterS } from "#shared/base/limits.ts";

import type { HttpEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

const comeBack = { headers: { "retry-after": String(retryAfterS) } };

/** Turns requests away above the number that may be at work; the liveness check always passes. */
export function admission(inFlightMax: number = requestsInFlightMax): MiddlewareHandler<HttpEnv> {
  let inFlight = 0;
  return async (c, next) => {
    if (inFlight >= inFlightMax && c.req.path !== "/healthz") {
      return problemAnswer(c, "http/busy", comeBack);
    }
    inFlight += 1;
    try {
      await next();
    } finally {
      inFlight -= 1;
    }
  };
}

/**
 * Bounds the time to an answer. What was begun is not undone: a write that was late may still be
 * made, and its ETag or Idempotency-Key tells the client which.
 */
export function deadline(clock: Clock, msMax: number = answerMsMax): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const late = Promise.withResolvers<"late">();
    const timer = clock.after(msMax, () => late.resolve("late"));
    try {
      const outcome = await Promise.race([next(), late.promise]);
      if (outcome === "late") return problemAnswer(c, "http/no-answer-in-time", comeBack);
    } finally {
      timer.stop();
    }
  };
}
