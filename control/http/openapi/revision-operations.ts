import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { pageQuery, removingQuery } from "../queries.ts";
import {
  headers,
  json,
  notWaited,
  problems,
  problemsOfTenant,
  secured,
} from "./operation-parts.ts";

/** Calls about committed changes. */

const params = z.object({ rev: z.string().meta({ description: "A revision's number" }) });

export const listRevisionsOperation = createRoute({
  ...secured,
  tags: ["revisions"],
  method: "get",
  path: "/v1/revisions",
  operationId: "listRevisions",
  summary: "Committed changes, newest first",
  request: { query: pageQuery },
  responses: { 200: json("Revisions", "A part of the list"), ...problemsOfTenant },
});

export const getRevisionOperation = createRoute({
  ...secured,
  tags: ["revisions"],
  method: "get",
  path: "/v1/revisions/{rev}",
  operationId: "getRevision",
  summary: "A revision and its receipt: which nodes serve it since when, and who does not and why",
  request: { params },
  responses: {
    200: json("RevisionReceipt", "The revision"),
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const diffRevisionOperation = createRoute({
  ...secured,
  tags: ["revisions"],
  method: "get",
  path: "/v1/revisions/{rev}/diff",
  operationId: "diffRevision",
  summary: "What differs between this revision's balancers and an earlier one's",
  request: {
    params,
    query: z.strictObject({
      from: z.coerce.number().int().min(0).optional().meta({
        description: "The earlier revision; the one before unless given",
      }),
    }),
  },
  responses: { 200: json("Difference", "By balancer"), ...problemsOfTenant, ...problems(404) },
});

export const rollbackRevisionOperation = createRoute({
  ...secured,
  tags: ["revisions"],
  method: "post",
  path: "/v1/revisions/{rev}/rollback",
  operationId: "rollbackRevision",
  summary: "Makes the balancers what they were at a revision: a new revision",
  parameters: headers("IdempotencyKey", "PreferWait"),
  request: { params, query: removingQuery },
  responses: {
    200: json("Unchanged", "They are as they were then, or dryRun"),
    201: json("Rollback", "The new revision"),
    202: json("Rollback", notWaited),
    ...problemsOfTenant,
    ...problems(404, 409, 413, 415, 422),
  },
});
