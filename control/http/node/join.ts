import type { Context } from "hono";

import { newId } from "#shared/base/ids.ts";
import { nodesPerTenantMax } from "#shared/base/limits.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import { keyIdOf } from "#shared/snapshot/keys.ts";
import { isSignedBy } from "#shared/snapshot/signature.ts";
import {
  joinProofValue,
  joinRequestSchema,
  type JoinRequest,
  type JoinResponse,
} from "#shared/wire/join.ts";

import type { JoiningNode, JoinRedemption } from "../../node-rows.ts";
import { checkedBody } from "../bodies.ts";
import type { BodyEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";
import type { AgentDeps } from "./agent-deps.ts";

/**
 * A host becomes a node: it proves that it holds its key, and uses a token once. Whoever asks again
 * with the same keys and token, because the answer got lost, is told the same node with 200.
 */
export async function join(c: Context<BodyEnv>, deps: AgentDeps): Promise<Response> {
  const body = checkedBody(c, joinRequestSchema);
  if (!body.ok) return body.answer;
  if (!holdsItsKey(body.value)) return problemAnswer(c, "http/join-proof-wrong");
  const node = joiningNode(c, deps, body.value);
  const redeemed = await deps.redeem(node);
  if (redeemed.outcome !== "joined") return refused(c, redeemed);
  c.var.facts.tenant = redeemed.tenantId;
  const answer: JoinResponse = {
    node: redeemed.nodeId,
    tenant: redeemed.tenantId,
    group: redeemed.groupId,
    epoch: redeemed.epoch,
    signingKeys: [...deps.signingKeys],
  };
  return c.json(answer, redeemed.nodeId === node.nodeId ? 201 : 200);
}

function holdsItsKey(request: JoinRequest): boolean {
  const keyId = keyIdOf(request.signingKey);
  try {
    return isSignedBy(new Map([[keyId, request.signingKey]]), "midstream.node.v1", {
      value: joinProofValue(request),
      signature: { keyId, value: request.proof },
    });
  } catch {
    // 32 bytes that are no point of the curve: no key, so nobody holds it.
    return false;
  }
}

function joiningNode(c: Context<BodyEnv>, deps: AgentDeps, request: JoinRequest): JoiningNode {
  const { token, signingKey, receivingKey, hostname, agent, labels } = request;
  const { requestId, address } = c.var;
  return {
    tokenHash: sha256Hex(token),
    nodeId: newId("nod", deps.ids),
    ...{ signingKey, receivingKey, hostname, agent, labels },
    nodesMax: nodesPerTenantMax,
    requestId,
    address,
  };
}

function refused(
  c: Context<BodyEnv>,
  { outcome }: Exclude<JoinRedemption, { outcome: "joined" }>,
): Response {
  switch (outcome) {
    case "unknown":
      return problemAnswer(c, "http/join-token-unknown");
    case "expired":
      return problemAnswer(c, "http/join-token-expired");
    case "revoked":
      return problemAnswer(c, "http/join-token-revoked");
    case "used":
      return problemAnswer(c, "http/join-token-used");
    case "full": {
      const detail = `the tenant has ${nodesPerTenantMax} nodes already, which is the most`;
      return problemAnswer(c, "http/node-limit-reached", { detail });
    }
  }
}
