import type { Clock } from "#shared/base/clock.ts";
import { clockSkewMsMax } from "#shared/base/limits.ts";
import { keyIdOf } from "#shared/snapshot/keys.ts";
import { isSignedBy } from "#shared/snapshot/signature.ts";
import {
  claimedValue,
  parseNodeAuthorization,
  type ClaimedRequest,
} from "#shared/wire/node-authorization.ts";

import type { KnownNode, NodeAuthentication } from "../node-rows.ts";
import type { FindNode } from "./find-node.ts";

export interface AuthenticateNodeDeps {
  readonly clock: Clock;
  readonly findNode: FindNode;
}

/**
 * Checks the signed header that every request of a node carries: its form, its time, its
 * signature. The generation must not be older than the node's newest link.
 *
 * A captured header can be sent again within the window: it opens no link, because that takes a
 * newer generation, and what it can read is sealed for the node.
 */
export async function authenticateNode(
  deps: AuthenticateNodeDeps,
  header: string | undefined,
  request: ClaimedRequest,
): Promise<NodeAuthentication> {
  const parsed = header === undefined ? undefined : parseNodeAuthorization(header);
  if (parsed === undefined) return { kind: "unauthenticated" };
  const { claim, signature } = parsed;
  const controlTimeMs = deps.clock.nowMs();
  if (Math.abs(claim.atMs - controlTimeMs) > clockSkewMsMax) {
    return { kind: "clock-skew", controlTimeMs };
  }
  const node = await deps.findNode(claim.node);
  if (node === null || !isSigned(node, signature, claimedValue(request, claim))) {
    return { kind: "unauthorized" };
  }
  if (node.revoked) return { kind: "retired" };
  if (claim.generation < node.generation) return { kind: "replaced" };
  return { kind: "node", node, claim };
}

function isSigned(node: KnownNode, signature: string, value: unknown): boolean {
  const keyId = keyIdOf(node.signingKey);
  const trusted = new Map([[keyId, node.signingKey]]);
  return isSignedBy(trusted, "midstream.node.v1", {
    value,
    signature: { keyId, value: signature },
  });
}
