import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { nodesPerTenantMax } from "#shared/base/limits.ts";

import { pageQuery } from "../queries.ts";
import {
  headers,
  json,
  jsonBodyOf,
  problems,
  problemsOfAny,
  problemsOfBody,
  problemsOfTenant,
  secured,
} from "./operation-parts.ts";

/** Calls about who may do what. */

const params = z.object({ id: z.string() });
const done = { description: "Done; doing it again changes nothing" };

export const signUpOperation = createRoute({
  tags: ["access"],
  method: "post",
  path: "/v1/signup",
  operationId: "signUp",
  summary: "A new tenant, its first user, and a key that may do everything",
  description:
    "An `Idempotency-Key` is refused with 400: there is no tenant yet to keep the answer for. Sent " +
    "again after the answer got lost, it is 409 `http/email-taken` and made nothing twice: log in " +
    "with `POST /v1/sessions` and make a key.",
  request: { body: jsonBodyOf("SignUp", { required: true }) },
  responses: {
    201: json("SignedUp", "The key's secret is shown this once"),
    ...problemsOfAny,
    ...problemsOfBody,
    ...problems(409, 429),
  },
});

export const logInOperation = createRoute({
  tags: ["access"],
  method: "post",
  path: "/v1/sessions",
  operationId: "logIn",
  summary: "A session from an address and a password; its secret is used like a key's",
  description:
    "An `Idempotency-Key` is refused with 400. Sent again it is one session more; each ends by itself.",
  request: { body: jsonBodyOf("LogIn", { required: true }) },
  responses: {
    201: json("LoggedIn", "The session's secret is shown this once"),
    ...problemsOfAny,
    ...problemsOfBody,
    ...problems(401, 429),
  },
});

export const meOperation = createRoute({
  ...secured,
  tags: ["access"],
  method: "get",
  path: "/v1/me",
  operationId: "me",
  summary: "Whose key this is and what it may do",
  responses: { 200: json("Me", "The tenant and the key"), ...problemsOfTenant },
});

export const listApiKeysOperation = createRoute({
  ...secured,
  tags: ["access"],
  method: "get",
  path: "/v1/api-keys",
  operationId: "listApiKeys",
  summary: "Keys and sessions, oldest first, revoked ones too",
  request: { query: pageQuery },
  responses: { 200: json("ApiKeys", "A part of the list"), ...problemsOfTenant },
});

export const createApiKeyOperation = createRoute({
  ...secured,
  tags: ["access"],
  method: "post",
  path: "/v1/api-keys",
  operationId: "createApiKey",
  summary: "A further key",
  parameters: headers("IdempotencyKey"),
  request: { body: jsonBodyOf("ApiKeyInput", { required: true }) },
  responses: {
    201: json("NewApiKey", "Its secret is shown this once"),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(409),
  },
});

export const revokeApiKeyOperation = createRoute({
  ...secured,
  tags: ["access"],
  method: "delete",
  path: "/v1/api-keys/{id}",
  operationId: "revokeApiKey",
  summary: "Ends a key or a session at once",
  request: { params },
  responses: { 204: done, ...problemsOfTenant, ...problems(404) },
});

export const listJoinTokensOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "get",
  path: "/v1/join-tokens",
  operationId: "listJoinTokens",
  summary: "Join tokens, oldest first, used and revoked ones too",
  request: { query: pageQuery },
  responses: { 200: json("JoinTokens", "A part of the list"), ...problemsOfTenant },
});

export const createJoinTokenOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "post",
  path: "/v1/join-tokens",
  operationId: "createJoinToken",
  summary: "A token that lets nodes join a group",
  description:
    `A tenant has at most ${nodesPerTenantMax} nodes that are not retired. A join beyond that is 409 ` +
    "`http/node-limit-reached` on the host, and the token keeps its use; " +
    "`DELETE /v1/nodes/{id}` makes room.",
  parameters: headers("IdempotencyKey"),
  request: { body: jsonBodyOf("JoinTokenInput", { required: false }) },
  responses: {
    201: json("NewJoinToken", "The token is shown this once"),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(409),
  },
});

export const revokeJoinTokenOperation = createRoute({
  ...secured,
  tags: ["nodes"],
  method: "delete",
  path: "/v1/join-tokens/{id}",
  operationId: "revokeJoinToken",
  summary: "Nobody joins with it any more; nodes that did stay",
  request: { params },
  responses: { 204: done, ...problemsOfTenant, ...problems(404) },
});

export const listAuditOperation = createRoute({
  ...secured,
  tags: ["access"],
  method: "get",
  path: "/v1/audit",
  operationId: "listAudit",
  summary: "What was done in the tenant's name, newest first",
  request: { query: pageQuery },
  responses: { 200: json("AuditEntries", "A part of the list"), ...problemsOfTenant },
});
