import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";

import type { BalancerId } from "#shared/base/ids.ts";
import { parseId } from "#shared/base/ids.ts";
import { pointerOf } from "#shared/base/problem.ts";

import type { BalancerRecord } from "../../verbs/balancer/balancer-record.ts";
import { createBalancer, type CreateBalancerOutcome } from "../../verbs/balancer/create.ts";
import { getBalancer } from "../../verbs/balancer/get.ts";
import { listBalancers } from "../../verbs/balancer/list.ts";
import { removeBalancer } from "../../verbs/balancer/remove.ts";
import { updateBalancer } from "../../verbs/balancer/update.ts";
import { answerOnlyKeys, balancerAnswer, type WriteNotes } from "../answers/balancer-answer.ts";
import { entityTag, matchesNone } from "../entity-tag.ts";
import type { TenantEnv } from "../env.ts";
import { expectedOf } from "../expected-tag.ts";
import type { Guards } from "../guards.ts";
import type { WriteDeps } from "../http-deps.ts";
import {
  createBalancerOperation,
  getBalancerOperation,
  listBalancersOperation,
  removeBalancerOperation,
  updateBalancerOperation,
} from "../openapi/balancer-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { groupPageRequest, writeMode } from "../queries.ts";
import { roomRefusal } from "../room-refusal.ts";
import { createRouter } from "../router.ts";
import { receiptNote } from "../write-receipt.ts";

type Router = OpenAPIHono<TenantEnv>;

/** `/v1/balancers` */
export function balancerRoutes(deps: WriteDeps, guards: Guards): Router {
  const router = createRouter<TenantEnv>();
  addReads(router, deps, guards);
  addCreate(router, deps, guards);
  addUpdate(router, deps, guards);
  addRemove(router, deps, guards);
  return router;
}

function addReads(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...listBalancersOperation, middleware: guards.tenant }, async (c) => {
    const request = groupPageRequest(c.req.valid("query"));
    const page = await listBalancers(deps.verbs, c.var.actor, request);
    return pageAnswer(c, page, (record) => balancerAnswer(record));
  });
  router.openapi({ ...getBalancerOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("bal", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await getBalancer(deps.verbs, c.var.actor, { id });
    if (outcome.kind === "not-found") return refusedAnswer(c, outcome);
    const etag = entityTag(outcome.balancer);
    // May be kept by the client itself, and is asked about before each use.
    const headers = { etag, "cache-control": "private, no-cache" };
    if (matchesNone(c.req.header("if-none-match"), etag)) return c.body(null, 304, headers);
    return c.json(balancerAnswer(outcome.balancer), 200, headers);
  });
}

function addCreate(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...createBalancerOperation, middleware: guards.tenantPost }, async (c) => {
    const dryRun = c.req.valid("query").dryRun === "true";
    const input = { definition: c.var.body, dryRun };
    const outcome = await createBalancer(deps.verbs, c.var.actor, input);
    if (outcome.kind !== "created") return refusedAnswer(c, outcome);
    const { balancer, warnings } = outcome;
    if (outcome.dryRun) return dryRunAnswer(c, deps, { balancer, warnings });
    c.header("location", `/v1/balancers/${balancer.id}`);
    const committed = { rev: outcome.revision, status: 201 } as const;
    const { status, notes } = await receiptNote(c, deps.waits, committed);
    return written(c, balancer, { status, notes: { warnings, ...notes } });
  });
}

type Created = Extract<CreateBalancerOutcome, { readonly kind: "created" }>;

/** What would be stored, and what nodes would find then. */
async function dryRunAnswer(
  c: Context<TenantEnv>,
  { plans }: WriteDeps,
  { balancer, warnings }: Pick<Created, "balancer" | "warnings">,
): Promise<Response> {
  const { definition } = balancer;
  const outcome = await plans.ask(c.var.actor, { balancer: null, definition });
  if (outcome.kind !== "planned") return roomRefusal(c, outcome);
  const notes = { warnings, dryRun: true, plan: outcome.plan } as const;
  return c.json(balancerAnswer(balancer, notes), 200);
}

function addUpdate(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...updateBalancerOperation, middleware: guards.tenantBody }, async (c) => {
    const id = parseId("bal", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const expected = expectedOf(c);
    if (expected === undefined) return problemAnswer(c, "http/if-match-required");
    const definition = definitionOf(c.var.body, id);
    if (definition === "other-id") return otherId(c);
    const input = { id, definition, expected, ...writeMode(c.req.valid("query")) };
    const outcome = await updateBalancer(deps.verbs, c.var.actor, input);
    if (outcome.kind === "unchanged") {
      const committed = { rev: outcome.balancer.rev, status: 200 } as const;
      return written(c, outcome.balancer, await receiptNote(c, deps.waits, committed));
    }
    if (outcome.kind !== "updated") return refusedAnswer(c, outcome);
    const { balancer, warnings } = outcome;
    if (outcome.dryRun) return c.json(balancerAnswer(balancer, { warnings, dryRun: true }), 200);
    const committed = { rev: outcome.revision, status: 200 } as const;
    const { status, notes } = await receiptNote(c, deps.waits, committed);
    return written(c, balancer, { status, notes: { warnings, ...notes } });
  });
}

function addRemove(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...removeBalancerOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("bal", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const expected = expectedOf(c);
    if (expected === undefined) return problemAnswer(c, "http/if-match-required");
    const input = { id, expected, ...writeMode(c.req.valid("query")) };
    const outcome = await removeBalancer(deps.verbs, c.var.actor, input);
    if (outcome.kind !== "removed") return refusedAnswer(c, outcome);
    const { revision } = outcome;
    if (outcome.dryRun) return c.json({ id, revision, dryRun: true as const }, 200);
    const committed = { rev: revision, status: 200 } as const;
    const { status, notes } = await receiptNote(c, deps.waits, committed);
    return c.json({ id, revision, ...notes }, status);
  });
}

function written(
  c: Context<TenantEnv>,
  record: BalancerRecord,
  answer: { readonly status: 200 | 201 | 202; readonly notes: WriteNotes },
): Response {
  const body = balancerAnswer(record, answer.notes);
  return c.json(body, answer.status, { etag: entityTag(record) });
}

/**
 * The definition in a body that may be an answer sent back: what only answers have is left out, but
 * another balancer's id is a mistake.
 */
function definitionOf(body: unknown, id: BalancerId): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  if ("id" in body && body.id !== id) return "other-id";
  const entries = Object.entries(body).filter(([key]) => !answerOnlyKeys.includes(key));
  return Object.fromEntries(entries);
}

function otherId(c: Context<TenantEnv>): Response {
  const detail = "is not the id in the path; leave it out";
  const errors = [{ pointer: pointerOf(["id"]), code: "conflict", detail }];
  return problemAnswer(c, "http/invalid", { errors });
}
