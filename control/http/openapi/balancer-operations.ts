import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { backendNameCharsMax, planMsMax } from "#shared/base/limits.ts";
import { readBackendName } from "#shared/definition/backend-name.ts";
import { readableText } from "#shared/definition/reading.ts";
import { section } from "#shared/definition/section.ts";

import { dryRunQuery, groupPageQuery, removingQuery } from "../queries.ts";
import {
  headers,
  json,
  jsonBodyOf,
  notWaited,
  problems,
  problemsOfBody,
  problemsOfTenant,
  secured,
  taggedJson,
} from "./operation-parts.ts";

const params = z.object({ id: z.string() });
const common = { ...secured, tags: ["balancers"] };

export const listBalancersOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/balancers",
  operationId: "listBalancers",
  summary: "The tenant's balancers, oldest first",
  request: { query: groupPageQuery },
  responses: { 200: json("Balancers", "A part of the list"), ...problemsOfTenant },
});

export const createBalancerOperation = createRoute({
  ...common,
  method: "post",
  path: "/v1/balancers",
  operationId: "createBalancer",
  summary: "Defines a balancer: a new revision",
  description:
    "With `dryRun=true` nothing is stored, and the connected nodes of the group are asked what " +
    "they would find: `plan`.",
  parameters: headers("IdempotencyKey", "PreferWait"),
  request: { query: dryRunQuery, body: jsonBodyOf("BalancerInput", { required: true }) },
  responses: {
    200: json("BalancerAnswer", "What would be stored, and what nodes would find (dryRun)"),
    201: taggedJson("BalancerAnswer", "Stored; `ETag` and `Location` name it"),
    202: taggedJson("BalancerAnswer", notWaited),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(409),
  },
});

export const getBalancerOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/balancers/{id}",
  operationId: "getBalancer",
  summary: "One balancer, with its ETag",
  parameters: headers("IfNoneMatch"),
  request: { params },
  responses: {
    200: taggedJson("BalancerAnswer", "As it is stored; secrets are references"),
    304: { description: "It is the one that If-None-Match names" },
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const updateBalancerOperation = createRoute({
  ...common,
  method: "put",
  path: "/v1/balancers/{id}",
  operationId: "updateBalancer",
  summary: "Replaces a balancer's definition: a new revision",
  parameters: headers("IfMatch", "PreferWait"),
  request: { params, query: removingQuery, body: jsonBodyOf("BalancerInput", { required: true }) },
  responses: {
    200: taggedJson("BalancerAnswer", "Stored, or what would be stored (dryRun)"),
    202: taggedJson("BalancerAnswer", notWaited),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(404, 409, 412, 428),
  },
});

export const removeBalancerOperation = createRoute({
  ...common,
  method: "delete",
  path: "/v1/balancers/{id}",
  operationId: "removeBalancer",
  summary: "Removes a balancer: a new revision; its nodes drain it",
  parameters: headers("IfMatch", "PreferWait"),
  request: { params, query: removingQuery },
  responses: {
    200: json("BalancerRemoved", "Removed, or would be (dryRun)"),
    202: json("BalancerRemoved", notWaited),
    ...problemsOfTenant,
    ...problems(404, 409, 412, 428),
  },
});

export const balancerPlanOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/balancers/{id}/plan",
  operationId: "balancerPlan",
  summary: "What the nodes of its group find: asked now",
  description:
    "Every connected node of the group looks whether it could run the balancer as it is stored: " +
    "whether its agent supports it and its policy file permits it, whether the addresses are free " +
    "or its own, whether the sources of backends answer, and whether the backends have addresses " +
    `and accept a connection. Nothing on a node changes. Answers within ${planMsMax / 1_000} s; ` +
    "nodes that have not answered by then are named.",
  request: { params },
  responses: {
    200: json("Plan", "One entry for each node"),
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const balancerHealthOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/balancers/{id}/health",
  operationId: "balancerHealth",
  summary: "How its backends and their sources are, by the word of each node: asked now",
  description:
    "Every connected node of the group says which backends it knows, whether they live, and the " +
    "last result of each one's checks with its reason and duration; and of each source of backends " +
    "its last success, last failure, duration and counts. With `backend` all results of that one " +
    "that are kept. Nothing is stored: nodes that do not answer are named.",
  request: {
    params,
    query: section({
      backend: readableText(readBackendName, backendNameCharsMax).optional().meta({
        description:
          "host:port, IPv6 in brackets; 404 when every node knows that it has none of that name",
      }),
    }),
  },
  responses: {
    200: json("Health", "One entry for each node"),
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const balancerStatsOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/balancers/{id}/stats",
  operationId: "balancerStats",
  summary: "The balancer's traffic: totals, rates, by backend and by node",
  description:
    "Windows of up to 6h are made of ten-second buckets of each node; longer ones of one-minute " +
    "buckets of all nodes together, so that `byNode` has no totals then.",
  request: {
    params,
    query: z.strictObject({
      window: z.string().default("1h").meta({ description: 'From "10s" to "720h"' }),
    }),
  },
  responses: {
    200: json("Traffic", "How many nodes it covers and how old it is stands beside"),
    ...problemsOfTenant,
    ...problems(404),
  },
});
