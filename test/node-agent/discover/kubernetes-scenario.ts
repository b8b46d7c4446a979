import { z } from "zod";

import type { Kubernetes } from "../../support/kubernetes.ts";

export const slicesPath = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
export const selector = "labelSelector=kubernetes.io%2Fservice-name%3Dweb";

interface SliceGiven {
  readonly name: string;
  readonly service?: string;
  readonly family?: "IPv4" | "IPv6";
  readonly endpoints: readonly unknown[];
  readonly ports?: readonly unknown[];
}

/** The ports of a service with a named port of each kind. */
const webPorts = [
  { name: "http", port: 8080, protocol: "TCP" },
  { name: "metrics", port: 9090, protocol: "TCP" },
  { name: "quic", port: 8443, protocol: "UDP" },
];

/** What the cluster's endpoint slice controller would write. */
export function slice({ name, service = "web", family = "IPv4", ...given }: SliceGiven) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, labels: { "kubernetes.io/service-name": service } },
    addressType: family,
    endpoints: given.endpoints,
    ports: given.ports ?? webPorts,
  };
}

export const ready = { ready: true, serving: true, terminating: false };
export const notReady = { ready: false, serving: false, terminating: false };
export const ending = { ready: false, serving: true, terminating: true };

/** @throws Error when the API server does not want it */
export async function create(cluster: Kubernetes, body: unknown): Promise<void> {
  await demand(cluster, "POST", slicesPath, body);
}

/** Puts another slice in the place of the one with its name. */
export async function replace(
  cluster: Kubernetes,
  body: { readonly metadata: { readonly name: string } },
): Promise<void> {
  await demand(cluster, "PUT", `${slicesPath}/${body.metadata.name}`, body);
}

export async function remove(cluster: Kubernetes, name: string): Promise<void> {
  await demand(cluster, "DELETE", `${slicesPath}/${name}`);
}

async function demand(
  cluster: Kubernetes,
  method: string,
  path: string,
  body?: unknown,
): Promise<void> {
  const { status, text } = await cluster.call(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
}

/** The moment of the cluster that a list tells of. */
export function versionOf(list: string): string {
  const schema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
  return schema.parse(JSON.parse(list)).metadata.resourceVersion;
}
