import { z } from "zod";

import type { ControlClient } from "./control-client.ts";

const joinTokenSchema = z.object({ token: z.string() });

const nodesSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      state: z.string(),
      running: z.object({ revision: z.number() }).nullable(),
      errors: z.array(
        z.object({
          id: z.string().nullable(),
          pointer: z.string(),
          code: z.string(),
          detail: z.string(),
        }),
      ),
    }),
  ),
});

/** A token with which exactly one node may join, soon. */
export async function newJoinToken(client: ControlClient): Promise<string> {
  const { token } = await client.demand({
    method: "POST",
    path: "/v1/join-tokens",
    body: { uses: 1, ttl: "10m" },
    answer: joinTokenSchema,
  });
  return token;
}

/** What the node shall serve: nothing in particular, or the demo balancer at its revision. */
export interface WantedServing {
  readonly revision: number;
  readonly balancer: string | undefined;
}

/** How far the one node is. */
export type NodeProgress =
  | { readonly kind: "serving"; readonly node: string }
  | { readonly kind: "not-yet"; readonly why: string };

/**
 * Whether the node serves what is wanted. Other balancers of the tenant may fail: they are the
 * tenant's business. What the node was last heard to say may be of an earlier start, so a reason
 * not to serve counts only when it stays.
 */
export async function nodeProgress(
  client: ControlClient,
  wanted: WantedServing,
): Promise<NodeProgress> {
  const path = "/v1/nodes";
  const { items } = await client.demand({ method: "GET", path, answer: nodesSchema });
  const node = items.at(0);
  if (node === undefined) return { kind: "not-yet", why: "it has not joined" };
  const error = node.errors.find(({ id }) => id === null || id === wanted.balancer);
  if (error !== undefined) {
    return { kind: "not-yet", why: `${error.code} at ${error.pointer}: ${error.detail}` };
  }
  const isUpToDate = (node.running?.revision ?? 0) >= wanted.revision;
  return isUpToDate && ["serving", "degraded"].includes(node.state)
    ? { kind: "serving", node: node.id }
    : { kind: "not-yet", why: `it is ${node.state}` };
}
