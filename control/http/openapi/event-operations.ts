import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { eventsPerNodeKept } from "#shared/base/limits.ts";

import { eventPageQuery, pageQuery } from "../queries.ts";
import { json, problems, problemsOfTenant, secured } from "./operation-parts.ts";

/** Calls about what nodes told. */

const kept = `The newest ${eventsPerNodeKept} of each node are kept.`;
const common = { ...secured, tags: ["nodes"], method: "get" as const };

export const listEventsOperation = createRoute({
  ...common,
  path: "/v1/events",
  operationId: "listEvents",
  summary: "What flipped on nodes, newest first",
  description: `Backends that went up or down, addresses that could not be bound, snapshots that were refused. ${kept}`,
  request: { query: eventPageQuery },
  responses: { 200: json("Events", "A part of the list"), ...problemsOfTenant },
});

export const listNodeEventsOperation = createRoute({
  ...common,
  path: "/v1/nodes/{id}/events",
  operationId: "listNodeEvents",
  summary: "What flipped on a node, newest first",
  description: kept,
  request: { params: z.object({ id: z.string() }), query: pageQuery },
  responses: {
    200: json("Events", "A part of the list"),
    ...problemsOfTenant,
    ...problems(404),
  },
});
