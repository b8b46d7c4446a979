import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";

import { dryRunQuery, pageQuery } from "../queries.ts";
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

/** Calls about certificates and their keys. */

const params = z.object({ id: z.string() });
const common = { ...secured, tags: ["certificates"] };

const checked =
  "The pair is checked before anything is stored: that the key belongs to the certificate, the order " +
  "of the chain, its time, the kind and length of the keys. A 422 lists everything that is wrong.";

export const listCertificatesOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/certificates",
  operationId: "listCertificates",
  summary: "The tenant's certificates, oldest first",
  request: { query: pageQuery },
  responses: { 200: json("Certificates", "A part of the list"), ...problemsOfTenant },
});

export const createCertificateOperation = createRoute({
  ...common,
  method: "post",
  path: "/v1/certificates",
  operationId: "createCertificate",
  summary: "Keeps a certificate and its key: a new revision",
  description: `${checked} The key is sealed, and shown to nobody again. Balancers name the certificate by its id.`,
  parameters: headers("IdempotencyKey"),
  request: { query: dryRunQuery, body: jsonBodyOf("CertificateInput", { required: true }) },
  responses: {
    200: json("CertificateAnswer", "What would be stored (dryRun)"),
    201: taggedJson("CertificateAnswer", "Stored; `ETag` and `Location` name it"),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(409),
  },
});

export const getCertificateOperation = createRoute({
  ...common,
  method: "get",
  path: "/v1/certificates/{id}",
  operationId: "getCertificate",
  summary: "One certificate, with its ETag; never its key",
  parameters: headers("IfNoneMatch"),
  request: { params },
  responses: {
    200: taggedJson("CertificateAnswer", "What it says of itself, and who uses it"),
    304: { description: "It is the one that If-None-Match names" },
    ...problemsOfTenant,
    ...problems(404),
  },
});

export const updateCertificateOperation = createRoute({
  ...common,
  method: "put",
  path: "/v1/certificates/{id}",
  operationId: "updateCertificate",
  summary: "Renews a certificate: a new revision",
  description: `${checked} Nodes show the new one in handshakes from then on; connections that are open stay. The key that it had is deleted.`,
  parameters: headers("IfMatch", "PreferWait"),
  request: {
    params,
    query: dryRunQuery,
    body: jsonBodyOf("CertificateRenewal", { required: true }),
  },
  responses: {
    200: taggedJson("CertificateAnswer", "Stored, or what would be stored (dryRun)"),
    202: taggedJson("CertificateAnswer", notWaited),
    ...problemsOfTenant,
    ...problemsOfBody,
    ...problems(404, 409, 412, 428),
  },
});

export const removeCertificateOperation = createRoute({
  ...common,
  method: "delete",
  path: "/v1/certificates/{id}",
  operationId: "removeCertificate",
  summary: "Removes a certificate that no balancer uses, and its key for good: a new revision",
  parameters: headers("IfMatch"),
  request: { params, query: dryRunQuery },
  responses: {
    200: json("CertificateRemoved", "Removed, or would be (dryRun)"),
    ...problemsOfTenant,
    ...problems(404, 409, 412, 428),
  },
});
