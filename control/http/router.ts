import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { z } from "zod";

import { problemsOf } from "#shared/validation/problems-of.ts";

import type { HttpEnv } from "./env.ts";
import { problemAnswer } from "./problem-answer.ts";

/** A router whose query parameters, when they are wrong, are answered with every problem. */
export function createRouter<E extends HttpEnv>(): OpenAPIHono<E> {
  return new OpenAPIHono<E>({
    defaultHook: (result, c: Context<E>) =>
      result.success ? undefined : badQuery(c, result.error),
  });
}

function badQuery<E extends HttpEnv>(c: Context<E>, error: z.ZodError): Response {
  const errors = problemsOf(error, c.req.query());
  return problemAnswer(c, "http/bad-query", { errors });
}
