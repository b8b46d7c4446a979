import type { TestTenant } from "./tenant-api.ts";

/** What the tests read of a node, as `GET /v1/nodes` shows it. */
export interface NodeAnswer {
  readonly id: string;
  readonly state: string;
  readonly connected: boolean;
  readonly running: { readonly revision: number } | null;
  readonly failing: number;
  readonly durable: boolean;
  readonly errors: readonly {
    readonly id: string | null;
    readonly pointer: string;
    readonly code: string;
    readonly detail: string;
  }[];
}

/** What the tests read of a receipt. */
export interface ReceiptAnswer {
  readonly nodes: {
    readonly expected: number;
    readonly serving: number;
    readonly failed: number;
    readonly waiting: number;
    readonly away: number;
  };
  readonly byNode: readonly { readonly node: string; readonly servingMs: number | null }[];
  readonly stragglers: readonly { readonly node: string; readonly reason: string }[];
}

/** A balancer as a write answers it. */
export interface WrittenBalancer {
  readonly id: string;
  readonly revision: number;
  readonly etag: string;
  /** Of this write, after waiting for the nodes. */
  readonly receipt: ReceiptAnswer;
}

interface Counters {
  readonly connections: number;
  readonly refused: number;
  readonly rejected: number;
  readonly rxBytes: number;
  readonly txBytes: number;
}

/** What the tests read of `GET /v1/balancers/{id}/stats`. */
export interface StatsAnswer {
  readonly nodes: { readonly reporting: number; readonly expected: number };
  readonly totals: Counters & { readonly activeConnections: number };
  readonly backends: readonly (Counters & {
    readonly backend: string;
    readonly activeConnections: number;
    readonly live: number;
    readonly gone: boolean;
  })[];
  readonly byNode: readonly { readonly node: string; readonly totals: Counters | null }[];
}

export interface BalancerOptions {
  readonly port: number;
  /** Ports on 127.0.0.1. */
  readonly backends: readonly number[];
  /** Whatever else the definition shall say. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/**
 * A TCP balancer on loopback that checks its backends often enough for a test. No check is so short
 * that a host which stalls makes a backend look dead.
 */
export function definition(options: BalancerOptions): Readonly<Record<string, unknown>> {
  return {
    name: `b${options.port}`,
    bind: [`127.0.0.1:${options.port}`],
    protocol: "tcp",
    strategy: "roundrobin",
    discovery: {
      kind: "static",
      backends: options.backends.map((port) => ({ host: "127.0.0.1", port })),
    },
    healthcheck: { kind: "ping", interval: "100ms", timeout: "5s", fails: 2, passes: 1 },
    ...options.more,
  };
}

const waiting = { prefer: "wait=20" };

/** Makes a balancer, and waits for the nodes. */
export async function createBalancer(
  tenant: TestTenant,
  options: BalancerOptions,
): Promise<WrittenBalancer> {
  const call = { body: definition(options), headers: waiting };
  return written(await tenant.call("POST", "/v1/balancers", call), 201);
}

/** Replaces a balancer, and waits for the nodes. */
export async function updateBalancer(
  tenant: TestTenant,
  before: { readonly id: string; readonly etag: string },
  options: BalancerOptions,
): Promise<WrittenBalancer> {
  const headers = { ...waiting, "if-match": before.etag };
  const path = `/v1/balancers/${before.id}`;
  return written(await tenant.call("PUT", path, { body: definition(options), headers }), 200);
}

/** Removes a balancer, and waits for the nodes. */
export async function removeBalancer(tenant: TestTenant, balancer: WrittenBalancer): Promise<void> {
  const headers = { ...waiting, "if-match": balancer.etag };
  await tenant.demand("DELETE", `/v1/balancers/${balancer.id}`, { headers });
}

/** The tenant's only node. */
export async function onlyNode(tenant: TestTenant): Promise<NodeAnswer> {
  const { items } = await tenant.demand<{ items: NodeAnswer[] }>("GET", "/v1/nodes");
  const [node] = items;
  if (node === undefined || items.length !== 1) throw new Error(`${items.length} nodes, not 1`);
  return node;
}

/** What happened on a balancer lately. */
export function statsOf(
  tenant: TestTenant,
  balancer: { readonly id: string },
): Promise<StatsAnswer> {
  return tenant.demand("GET", `/v1/balancers/${balancer.id}/stats?window=10m`);
}

/** Guarantee: a write that succeeded answers a balancer, and a receipt when it was asked to wait. */
function written(
  answer: { readonly status: number; readonly headers: Headers; readonly body: unknown },
  status: number,
): WrittenBalancer {
  if (answer.status !== status) {
    throw new Error(`answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  const body = answer.body as Omit<WrittenBalancer, "etag">;
  return { ...body, etag: answer.headers.get("etag") ?? "" };
}
