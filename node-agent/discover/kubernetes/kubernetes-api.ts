import type { LookupFunction } from "node:net";

import { z } from "zod";

import type { kubernetesDiscoverySchema } from "#shared/definition/discovery/kubernetes.ts";

import { failedFetch } from "../discovery.ts";
import {
  httpCall,
  jsonBody,
  placeName,
  type HttpCall,
  type HttpPlace,
} from "../http/http-source.ts";
import { plainSecret, readSmallFile, readTlsMaterial, type Got } from "../http/tls-material.ts";

export type KubernetesDiscovery = z.output<typeof kubernetesDiscoverySchema>;

/** The API of the cluster that the agent itself runs in, and the folder of its service account. */
export interface OwnCluster {
  readonly origin: string;
  /** Holds `token` and `ca.crt`. */
  readonly folder: string;
}

/** Where every pod finds them (kubernetes.io, "Accessing the Kubernetes API from a Pod"). */
export const ownCluster: OwnCluster = {
  origin: "https://kubernetes.default.svc",
  folder: "/var/run/secrets/kubernetes.io/serviceaccount",
};

export interface KubernetesApi {
  readonly place: HttpPlace;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the service's EndpointSlices, ready for more of a query. */
  readonly path: string;
}

export interface KubernetesTerms {
  readonly lookup: LookupFunction;
  readonly own: OwnCluster;
}

/** How the API is asked. Files are read each time: a service account's token is renewed every hour. */
export async function kubernetesApi(
  terms: KubernetesTerms,
  discovery: KubernetesDiscovery,
): Promise<Got<KubernetesApi>> {
  const { apiServer } = discovery;
  const access = await (apiServer === undefined ? ownAccess(terms) : givenAccess(discovery));
  if (!access.ok) return access;
  const { token, tls } = access.value;
  const url = URL.parse(apiServer ?? terms.own.origin);
  if (url === null) return failedFetch("bad-request", "the API server's address is no address");
  const headers = {
    accept: "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const place = { origin: url.origin, lookup: terms.lookup, tls };
  const path = `${url.pathname.replace(/\/+$/, "")}${slicesPath(discovery)}`;
  return { ok: true, value: { place, headers, path } };
}

/** A request for what stands at the API's path and this query. */
export function slicesCall(
  { place, headers, path }: KubernetesApi,
  query: Readonly<Record<string, string>> = {},
): HttpCall {
  const more = Object.entries(query).map(([key, value]) => `&${key}=${encodeURIComponent(value)}`);
  return { place, headers, path: `${path}${more.join("")}` };
}

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(z.unknown()),
});

/** A list of EndpointSlices at one moment of the cluster. */
export type SliceList = z.output<typeof listSchema>;

/** Asks for a list. */
export async function listSlices(
  api: KubernetesApi,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Got<SliceList>> {
  const answer = await httpCall(slicesCall(api, query), signal);
  if (!answer.ok) return answer;
  const body = jsonBody(answer, api.place);
  if (!body.ok) return body;
  const list = listSchema.safeParse(body.value);
  if (list.success) return { ok: true, value: list.data };
  return failedFetch("bad-answer", `${placeName(api.place)}: no list of EndpointSlices`);
}

function slicesPath({ namespace, serviceName }: KubernetesDiscovery): string {
  const selector = encodeURIComponent(`kubernetes.io/service-name=${serviceName}`);
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${selector}`;
}

interface Access {
  readonly token: string | undefined;
  readonly tls: NonNullable<HttpPlace["tls"]>;
}

async function ownAccess({ own }: KubernetesTerms): Promise<Got<Access>> {
  const token = await readSmallFile(`${own.folder}/token`);
  if (!token.ok) return token;
  const ca = await readSmallFile(`${own.folder}/ca.crt`);
  if (!ca.ok) return ca;
  return { ok: true, value: { token: token.value.trim(), tls: { ca: ca.value } } };
}

async function givenAccess({ bearerToken, tls }: KubernetesDiscovery): Promise<Got<Access>> {
  const material = await readTlsMaterial(tls);
  if (!material.ok) return material;
  const token = bearerToken === undefined ? undefined : plainSecret(bearerToken);
  if (token?.ok === false) return token;
  return { ok: true, value: { token: token?.value, tls: material.value } };
}
