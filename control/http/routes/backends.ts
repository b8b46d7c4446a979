import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";

import { parseId, type BalancerId } from "#shared/base/ids.ts";
import { readBackendName } from "#shared/definition/backend-name.ts";

import { addBackend } from "../../verbs/backend/add.ts";
import { changeBackend } from "../../verbs/backend/change.ts";
import { listBackends } from "../../verbs/backend/list.ts";
import { removeBackend } from "../../verbs/backend/remove.ts";
import { isNamed, type BackendWrite, type BackendWriteOutcome } from "../../verbs/backend/write.ts";
import { backendAnswer } from "../answers/backend-answer.ts";
import type { WriteNotes } from "../answers/balancer-answer.ts";
import { entityTag } from "../entity-tag.ts";
import type { TenantEnv } from "../env.ts";
import { expectedOf } from "../expected-tag.ts";
import type { Guards } from "../guards.ts";
import type { WriteDeps } from "../http-deps.ts";
import {
  addBackendOperation,
  changeBackendOperation,
  listBackendsOperation,
  removeBackendOperation,
} from "../openapi/backend-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";
import { receiptNote } from "../write-receipt.ts";

type Router = OpenAPIHono<TenantEnv>;

/** `/v1/balancers/{id}/backends` */
export function backendRoutes(deps: WriteDeps, guards: Guards): Router {
  const router = createRouter<TenantEnv>();
  addList(router, deps, guards);
  addAdd(router, deps, guards);
  addChange(router, deps, guards);
  addRemove(router, deps, guards);
  return router;
}

function addList(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...listBackendsOperation, middleware: guards.tenant }, async (c) => {
    const balancer = parseId("bal", c.req.valid("param").id);
    if (balancer === undefined) return problemAnswer(c, "http/not-found");
    const input = { balancer, ...pageRequest(c.req.valid("query")) };
    const outcome = await listBackends(deps.verbs, c.var.actor, input);
    if (outcome.kind === "not-found") return refusedAnswer(c, outcome);
    const { balancer: record, page } = outcome;
    c.header("etag", entityTag(record));
    return pageAnswer(c, page, (backend) => backendAnswer(backend, record.rev));
  });
}

function addAdd(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...addBackendOperation, middleware: guards.tenantPost }, async (c) => {
    const balancer = parseId("bal", c.req.valid("param").id);
    if (balancer === undefined) return problemAnswer(c, "http/not-found");
    const dryRun = c.req.valid("query").dryRun === "true";
    const write = { balancer, dryRun, expected: expectedOf(c) ?? ("any" as const) };
    const input = { ...write, backend: c.var.body };
    const outcome = await addBackend(deps.verbs, c.var.actor, input);
    if (outcome.kind === "mismatch") return refusedAnswer(c, outcome);
    const { backend, written } = outcome;
    return answered(c, deps, { written, backend, status: dryRun ? 200 : 201 });
  });
}

function addChange(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...changeBackendOperation, middleware: guards.tenantBody }, async (c) => {
    const place = placeOf(c.req.valid("param"));
    if (place === undefined) return problemAnswer(c, "http/not-found");
    const expected = expectedOf(c);
    if (expected === undefined) return problemAnswer(c, "http/if-match-required");
    const dryRun = c.req.valid("query").dryRun === "true";
    const input = { ...place, expected, dryRun, patch: c.var.body };
    const written = await changeBackend(deps.verbs, c.var.actor, input);
    return answered(c, deps, { written, backend: place.backend, status: 200 });
  });
}

function addRemove(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...removeBackendOperation, middleware: guards.tenant }, async (c) => {
    const place = placeOf(c.req.valid("param"));
    if (place === undefined) return problemAnswer(c, "http/not-found");
    const expected = expectedOf(c);
    if (expected === undefined) return problemAnswer(c, "http/if-match-required");
    const dryRun = c.req.valid("query").dryRun === "true";
    const input = { ...place, expected, dryRun };
    const written = await removeBackend(deps.verbs, c.var.actor, input);
    return answered(c, deps, { written, backend: place.backend, status: 200 });
  });
}

interface Written {
  readonly written: BackendWriteOutcome;
  readonly backend: string;
  readonly status: 200 | 201;
}

/** The backend as it is by now, or that it is gone; its tag is the balancer's. */
async function answered(
  c: Context<TenantEnv>,
  { waits }: WriteDeps,
  { written, backend, status }: Written,
): Promise<Response> {
  if (written.kind !== "updated" && written.kind !== "unchanged") return refusedAnswer(c, written);
  const { definition, rev } = written.balancer;
  const found = definition.managedBackends?.find((one) => isNamed(one, backend));
  const body = (notes: Omit<WriteNotes, "plan">): object =>
    found === undefined ? { backend, revision: rev, ...notes } : backendAnswer(found, rev, notes);
  const warnings = written.kind === "updated" ? { warnings: written.warnings } : {};
  if (written.kind === "updated" && written.dryRun) {
    return c.json(body({ ...warnings, dryRun: true }), 200);
  }
  const receipt = await receiptNote(c, waits, { rev, status });
  const headers = { etag: entityTag(written.balancer) };
  return c.json(body({ ...warnings, ...receipt.notes }), receipt.status, headers);
}

/** Which backend of which balancer a path names; undefined when it can name none. */
function placeOf(param: {
  readonly id: string;
  readonly backend: string;
}): (Pick<BackendWrite, "balancer"> & { readonly backend: string }) | undefined {
  const balancer: BalancerId | undefined = parseId("bal", param.id);
  const name = readBackendName(param.backend);
  return balancer === undefined || !name.ok ? undefined : { balancer, backend: name.value };
}
