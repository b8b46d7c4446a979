import type { Context } from "hono";

import { Fault } from "#shared/base/fault.ts";
import { retryAfterS } from "#shared/base/limits.ts";

import type { HttpEnv } from "./env.ts";
import { problemAnswer } from "./problem-answer.ts";
import type { ProblemCode } from "./problem-kinds.ts";

/** Faults that a client can tell apart; all others are told by their owner. */
const problemOfFault: ReadonlyMap<string, ProblemCode> = new Map([
  ["storage/unavailable", "http/unavailable"],
  ["storage/commit-unknown", "http/outcome-unknown"],
  ["verbs/missing-scope", "http/missing-scope"],
]);

/**
 * Answers whatever was thrown. What nobody expected is a 500 that says no more than the request's
 * id; the error itself goes to the request's log line, once.
 */
export function errorResponse<E extends HttpEnv>(error: Error, c: Context<E>): Response {
  const code = problemOf(error);
  if (code === "http/internal") {
    c.var.facts.error = error;
    return problemAnswer(c, code, {
      detail: `tell the operator the request id ${c.var.requestId}`,
    });
  }
  if (isFromUs(code)) c.var.facts.cause = error;
  return problemAnswer(c, code, {
    detail: error.message,
    ...(isFromUs(code) ? { headers: { "retry-after": String(retryAfterS) } } : {}),
  });
}

function problemOf(error: Error): ProblemCode {
  if (!(error instanceof Fault)) return "http/internal";
  return problemOfFault.get(error.code) ?? problemOfOwner(error);
}

function problemOfOwner({ owner }: Fault): ProblemCode {
  switch (owner) {
    case "client":
      return "http/bad-request";
    case "tenant":
      return "http/conflict";
    case "node":
    case "backend":
    case "platform":
      return "http/internal";
  }
}

/** Not the client's doing, and passing: worth another try. */
function isFromUs(code: ProblemCode): boolean {
  return code === "http/unavailable" || code === "http/outcome-unknown";
}
