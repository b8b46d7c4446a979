import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";

import { parseId } from "#shared/base/ids.ts";

import {
  expiryWarnings,
  type CertificateRecord,
} from "../../verbs/certificate/certificate-record.ts";
import { createCertificate } from "../../verbs/certificate/create.ts";
import { getCertificate } from "../../verbs/certificate/get.ts";
import { listCertificates } from "../../verbs/certificate/list.ts";
import { removeCertificate } from "../../verbs/certificate/remove.ts";
import { updateCertificate } from "../../verbs/certificate/update.ts";
import { certificateAnswer, type CertificateNotes } from "../answers/certificate-answer.ts";
import { entityTag, matchesNone } from "../entity-tag.ts";
import type { TenantEnv } from "../env.ts";
import { expectedOf } from "../expected-tag.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps, WriteDeps } from "../http-deps.ts";
import {
  createCertificateOperation,
  getCertificateOperation,
  listCertificatesOperation,
  removeCertificateOperation,
  updateCertificateOperation,
} from "../openapi/certificate-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";
import { receiptNote } from "../write-receipt.ts";

type Router = OpenAPIHono<TenantEnv>;

/** `/v1/certificates` */
export function certificateRoutes(deps: WriteDeps, guards: Guards): Router {
  const router = createRouter<TenantEnv>();
  addReads(router, deps, guards);
  addCreate(router, deps, guards);
  addUpdate(router, deps, guards);
  addRemove(router, deps, guards);
  return router;
}

function addReads(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...listCertificatesOperation, middleware: guards.tenant }, async (c) => {
    const request = pageRequest(c.req.valid("query"));
    const page = await listCertificates(deps.verbs, c.var.actor, request);
    return pageAnswer(c, page, (record) => shown(deps, record));
  });
  router.openapi({ ...getCertificateOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("crt", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await getCertificate(deps.verbs, c.var.actor, { id });
    if (outcome.kind === "not-found") return refusedAnswer(c, outcome);
    const etag = entityTag(outcome.certificate);
    if (matchesNone(c.req.header("if-none-match"), etag)) return c.body(null, 304, { etag });
    return c.json(shown(deps, outcome.certificate), 200, { etag });
  });
}

function addCreate(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...createCertificateOperation, middleware: guards.tenantPost }, async (c) => {
    const dryRun = c.req.valid("query").dryRun === "true";
    const input = { body: c.var.body, dryRun };
    const outcome = await createCertificate(deps.verbs, c.var.actor, input);
    if (outcome.kind !== "created") return refusedAnswer(c, outcome);
    const { certificate } = outcome;
    if (outcome.dryRun) return c.json(shown(deps, certificate, { dryRun: true }), 200);
    c.header("location", `/v1/certificates/${certificate.id}`);
    return written(c, deps, { certificate, status: 201 });
  });
}

function addUpdate(router: Router, deps: WriteDeps, guards: Guards): void {
  router.openapi({ ...updateCertificateOperation, middleware: guards.tenantBody }, async (c) => {
    const id = parseId("crt", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const expected = expectedOf(c);
    if (expected === undefined) return problemAnswer(c, "http/if-match-required");
    const dryRun = c.req.valid("query").dryRun === "true";
    const input = { id, body: c.var.body, expected, dryRun };
    const outcome = await updateCertificate(deps.verbs, c.var.actor, input);
    const isThere = outcome.kind === "updated" || outcome.kind === "unchanged";
    if (!isThere) return refusedAnswer(c, outcome);
    const { certificate } = outcome;
    if (dryRun) return c.json(shown(deps, certificate, { dryRun: true }), 200);
    const committed = { rev: certificate.rev, status: 200 } as const;
    const { status, notes } = await receiptNote(c, deps.waits, committed);
    return written(c, deps, { certificate, status, notes });
  });
}

function addRemove(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...removeCertificateOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("crt", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const expected = expectedOf(c);
    if (expected === undefined) return problemAnswer(c, "http/if-match-required");
    const dryRun = c.req.valid("query").dryRun === "true";
    const outcome = await removeCertificate(deps.verbs, c.var.actor, { id, expected, dryRun });
    if (outcome.kind !== "removed") return refusedAnswer(c, outcome);
    const { revision } = outcome;
    return c.json(dryRun ? { id, revision, dryRun: true as const } : { id, revision }, 200);
  });
}

interface Written {
  readonly certificate: CertificateRecord;
  readonly status: 200 | 201 | 202;
  readonly notes?: Omit<CertificateNotes, "warnings">;
}

function written(
  c: Context<TenantEnv>,
  deps: HttpDeps,
  { certificate, status, notes = {} }: Written,
): Response {
  return c.json(shown(deps, certificate, notes), status, { etag: entityTag(certificate) });
}

/** With what is to be said of its end as of now. */
function shown(
  { clock }: HttpDeps,
  record: CertificateRecord,
  notes: Omit<CertificateNotes, "warnings"> = {},
) {
  const warnings = expiryWarnings(record.details, clock.nowMs());
  return certificateAnswer(record, { warnings, ...notes });
}
