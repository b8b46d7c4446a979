import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { groupPageQuery, pageQuery } from "../queries.ts";
import {
  headers,
  json,
  jsonBodyOf,
  problems,
  problemsOfBody,
  problemsOfTenant,
  secured,
} from "./operation-parts.ts";

/** Calls about nodes and their groups. */

const params = z.object({ id: z.string() });

export const listNodesOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "get",
  path: "/v1/nodes",
  operationId: "listNodes",
  summary: "The tenant's nodes, oldest first, retired ones too",
  request: { query: groupPageQuery },
  responses: { 200: json("Nodes", "A part of the list"), ...problemsOfTenant },
});

export const getNodeOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "get",
  path: "/v1/nodes/{id}",
  operationId: "getNode",
  summary: "What a node shall run, what it runs, and what went wrong",
  request: { params },
  responses: { 200: json("Node", "The node"), ...problemsOfTenant, ...problems(404) },
});

export const retireNodeOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "delete",
  path: "/v1/nodes/{id}",
  operationId: "retireNode",
  summary: "The node's keys are no longer accepted",
  request: { params },
  responses: {
    204: { description: "Done; doing it again changes nothing" },
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const listGroupsOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "get",
  path: "/v1/groups",
  operationId: "listGroups",
  summary: "The tenant's groups, oldest first",
  request: { query: pageQuery },
  responses: { 200: json("Groups", "A part of the list"), ...problemsOfTenant },
});

export const createGroupOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "post",
  path: "/v1/groups",
  operationId: "createGroup",
  summary: "An empty group of nodes",
  parameters: headers("IdempotencyKey"),
  request: { body: jsonBodyOf("GroupInput", { required: true }) },
  responses: {
    201: json("Group", "The group"),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(409),
  },
});
