import type { OpenAPIHono } from "@hono/zod-openapi";

import { diffRevisions } from "../../verbs/revision/diff.ts";
import { getRevision } from "../../verbs/revision/get.ts";
import { listRevisions } from "../../verbs/revision/list.ts";
import { rollbackRevision } from "../../verbs/revision/rollback.ts";
import { readReceipt } from "../../view/read-receipt.ts";
import { revisionAnswer, revisionReceipt } from "../answers/revision-answer.ts";
import { checkedBody, emptyBodySchema } from "../bodies.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import { viewsOf, type HttpDeps, type WriteDeps } from "../http-deps.ts";
import {
  diffRevisionOperation,
  getRevisionOperation,
  listRevisionsOperation,
  rollbackRevisionOperation,
} from "../openapi/revision-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { pageRequest, writeMode } from "../queries.ts";
import { createRouter } from "../router.ts";
import { receiptNote } from "../write-receipt.ts";

type Router = OpenAPIHono<TenantEnv>;

/** `/v1/revisions` */
export function revisionRoutes(deps: WriteDeps, guards: Guards): Router {
  const router = createRouter<TenantEnv>();
  addReads(router, deps, guards);
  addDiff(router, deps, guards);
  addRollback(router, deps, guards);
  return router;
}

function addReads(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...listRevisionsOperation, middleware: guards.tenant }, async (c) => {
    const request = pageRequest(c.req.valid("query"));
    return pageAnswer(c, await listRevisions(deps.verbs, c.var.actor, request), revisionAnswer);
  });
  router.openapi({ ...getRevisionOperation, middleware: guards.tenant }, async (c) => {
    const rev = revisionNumber(c.req.valid("param").rev);
    if (rev === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await getRevision(deps.verbs, c.var.actor, { rev });
    if (outcome.kind === "not-found") return refusedAnswer(c, outcome);
    const receipt = await readReceipt(viewsOf(deps), c.var.actor.tenantId, rev);
    if (receipt === undefined) return problemAnswer(c, "http/not-found");
    return c.json(revisionReceipt(outcome.revision, receipt), 200);
  });
}

function addDiff(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...diffRevisionOperation, middleware: guards.tenant }, async (c) => {
    const to = revisionNumber(c.req.valid("param").rev);
    if (to === undefined) return problemAnswer(c, "http/not-found");
    const from = c.req.valid("query").from ?? to - 1;
    const outcome = await diffRevisions(deps.verbs, c.var.actor, { from, to });
    if (outcome.kind === "not-found") return refusedAnswer(c, outcome);
    return c.json({ from, to, balancers: outcome.balancers }, 200);
  });
}

function addRollback(router: Router, deps: WriteDeps, guards: Guards): void {
  const guard = guards.tenantPostOptional;
  router.openapi({ ...rollbackRevisionOperation, middleware: guard }, async (c) => {
    const rev = rollbackTarget(c.req.valid("param").rev);
    if (rev === undefined) return problemAnswer(c, "http/not-found");
    const body = checkedBody(c, emptyBodySchema);
    if (!body.ok) return body.answer;
    const input = { rev, ...writeMode(c.req.valid("query")) };
    const outcome = await rollbackRevision(deps.verbs, c.var.actor, input);
    if (outcome.kind === "unchanged") return c.json({ unchanged: true as const }, 200);
    if (outcome.kind !== "rolled-back") return refusedAnswer(c, outcome);
    const { revision, warnings } = outcome;
    const answer = { ...revisionAnswer(revision), warnings };
    if (outcome.dryRun) return c.json({ ...answer, dryRun: true as const }, 200);
    const committed = { rev: revision.rev, status: 201 } as const;
    const { status, notes } = await receiptNote(c, deps.waits, committed);
    return c.json({ ...answer, ...notes }, status);
  });
}

/** The number of a revision; undefined for a text that cannot be one. */
function revisionNumber(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** 0 is the empty beginning. */
function rollbackTarget(text: string): number | undefined {
  return text === "0" ? 0 : revisionNumber(text);
}
