import { z } from "zod";

import { Fault } from "#shared/base/fault.ts";

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

/**
 * The id of the one node once it serves what is wanted, undefined until then. Other balancers of
 * the tenant may fail: they are the tenant's business.
 *
 * @throws Fault `local/not-serving` when the node refuses, with its reason.
 */
export async function servingNode(
  client: ControlClient,
  wanted: WantedServing,
): Promise<string | undefined> {
  const path = "/v1/nodes";
  const { items } = await client.demand({ method: "GET", path, answer: nodesSchema });
  const node = items.at(0);
  if (node === undefined) return undefined;
  const error = node.errors.find(({ id }) => id === null || id === wanted.balancer);
  if (error !== undefined) throw notServing(error);
  const isUpToDate = (node.running?.revision ?? 0) >= wanted.revision;
  return isUpToDate && ["serving", "degraded"].includes(node.state) ? node.id : undefined;
}

function notServing(error: { code: string; pointer: string; detail: string }): Fault {
  return new Fault({
    code: "local/not-serving",
    owner: "node",
    message: `the node does not serve the demo: ${error.code} at ${error.pointer}: ${error.detail}`,
  });
}
