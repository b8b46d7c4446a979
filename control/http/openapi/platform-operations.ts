import { createRoute } from "@hono/zod-openapi";

import {
  problemsOfAny,
  problemsOfTenant,
  secured,
  type AnswerDescription,
} from "./operation-parts.ts";

/** Calls of those who operate and watch. */

function text(description: string): AnswerDescription {
  return { description, content: { "text/plain": { schema: { type: "string" } } } };
}

function object(description: string): AnswerDescription {
  return { description, content: { "application/json": { schema: { type: "object" } } } };
}

export const metricsOperation = createRoute({
  ...secured,
  tags: ["balancers"],
  method: "get",
  path: "/v1/metrics",
  operationId: "metrics",
  summary: "The tenant's numbers in Prometheus' text format",
  responses: {
    200: text("Counters since the beginning, gauges as last heard"),
    ...problemsOfTenant,
  },
});

export const healthOperation = createRoute({
  tags: ["platform"],
  method: "get",
  path: "/healthz",
  operationId: "healthz",
  summary: "Whether the process answers",
  responses: { 200: object("It does"), ...problemsOfAny },
});

export const readinessOperation = createRoute({
  tags: ["platform"],
  method: "get",
  path: "/readyz",
  operationId: "readyz",
  summary: "Whether requests should come here",
  responses: {
    200: object("They should"),
    ...problemsOfAny,
    503: object("They should not; says what is missing"),
  },
});
