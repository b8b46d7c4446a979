import type { MiddlewareHandler } from "hono";

import type { Clock } from "#shared/base/clock.ts";
import {
  agentRequestsInFlightMax,
  answerMsMax,
  requestsInFlightMax,
  retryAfterS,
} from "#shared/base/limits.ts";
import { agentPathPrefix } from "#shared/wire/protocol.ts";

import type { HttpEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

const comeBack = { headers: { "retry-after": String(retryAfterS) } };

/** What asks whether the control plane is there: answered whatever else is at work. */
const probes: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/**
 * Turns requests away above the number that may be at work. Nodes have room of their own, so that
 * tenants cannot keep them out; probes always pass. A request that only waits may leave its room
 * (`leaveRoom`) before it is answered.
 */
export function admission(inFlightMax: number = requestsInFlightMax): MiddlewareHandler<HttpEnv> {
  const tenants = new Room(inFlightMax);
  const nodes = new Room(agentRequestsInFlightMax);
  return async (c, next) => {
    const { path } = c.req;
    const leave = probes.has(path)
      ? () => undefined
      : (path.startsWith(agentPathPrefix) ? nodes : tenants).enter();
    if (leave === undefined) return problemAnswer(c, "http/busy", comeBack);
    c.set("leaveRoom", leave);
    try {
      await next();
    } finally {
      leave();
    }
  };
}

/** Room for so many requests. */
class Room {
  readonly #placesMax: number;
  #taken = 0;

  constructor(placesMax: number) {
    this.#placesMax = placesMax;
  }

  /** Takes a place and gives what leaves it, the first time it is called; undefined when it is full. */
  enter(): (() => void) | undefined {
    if (this.#taken >= this.#placesMax) return undefined;
    this.#taken += 1;
    let inside = true;
    return () => {
      if (inside) this.#taken -= 1;
      inside = false;
    };
  }
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
