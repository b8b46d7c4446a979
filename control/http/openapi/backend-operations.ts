import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { dryRunQuery, pageQuery } from "../queries.ts";
import {
  headers,
  jsonBodyOf,
  notWaited,
  problems,
  problemsOfBody,
  problemsOfTenant,
  secured,
  taggedJson,
} from "./operation-parts.ts";

const ofBalancer = z.object({ id: z.string() });
const ofBackend = ofBalancer.extend({
  backend: z.string().meta({ description: "host:port, IPv6 in brackets" }),
});
const common = { ...secured, tags: ["balancers"] };

export const listBackendsOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/balancers/{id}/backends",
  operationId: "listBackends",
  summary: "The backends that are managed beside the sources, by name",
  request: { params: ofBalancer, query: pageQuery },
  responses: {
    200: taggedJson("Backends", "A part of the list; the balancer's `ETag`"),
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const addBackendOperation = createRoute({
  ...common,
  method: "post",
  path: "/v1/balancers/{id}/backends",
  operationId: "addBackend",
  summary: "Adds a backend beside the sources: a new revision of the balancer",
  description: "With `If-Match` only when the balancer is still that one.",
  parameters: headers("IdempotencyKey", "PreferWait"),
  request: {
    params: ofBalancer,
    query: dryRunQuery,
    body: jsonBodyOf("ManagedBackendInput", { required: true }),
  },
  responses: {
    200: taggedJson("BackendAnswer", "What would be stored (dryRun)"),
    201: taggedJson("BackendAnswer", "Stored; `ETag` is the balancer's"),
    202: taggedJson("BackendAnswer", notWaited),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(404, 409, 412),
  },
});

export const changeBackendOperation = createRoute({
  ...common,
  method: "patch",
  path: "/v1/balancers/{id}/backends/{backend}",
  operationId: "changeBackend",
  summary: "Changes a managed backend: its weight, its limit, whether it is drained or cut",
  description:
    "A JSON Merge Patch (RFC 7396). `If-Match` names the balancer's `ETag`, or `*` for whatever " +
    "it is by now.",
  parameters: headers("IfMatch", "PreferWait"),
  request: {
    params: ofBackend,
    query: dryRunQuery,
    body: jsonBodyOf("ManagedBackendPatch", { required: true }),
  },
  responses: {
    200: taggedJson("BackendAnswer", "Stored, or what would be stored (dryRun)"),
    202: taggedJson("BackendAnswer", notWaited),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(404, 409, 412, 428),
  },
});

export const removeBackendOperation = createRoute({
  ...common,
  method: "delete",
  path: "/v1/balancers/{id}/backends/{backend}",
  operationId: "removeBackend",
  summary: "Takes a managed backend away; its open connections go on",
  parameters: headers("IfMatch", "PreferWait"),
  request: { params: ofBackend, query: dryRunQuery },
  responses: {
    200: taggedJson("BackendRemoved", "Taken away, or would be (dryRun)"),
    202: taggedJson("BackendRemoved", notWaited),
    ...problemsOfTenant,
    ...problems(404, 409, 412, 422, 428),
  },
});
