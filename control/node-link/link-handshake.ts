import type { IncomingMessage } from "node:http";

import type { Clock } from "#shared/base/clock.ts";
import { bootsPerNodeKept, nodeRowsPerWriteMax } from "#shared/base/limits.ts";
import { agentPaths, controlTimeHeader, linkSubprotocol } from "#shared/wire/protocol.ts";

import type { ClaimedLink, KnownNode, LinkClaim, NodeRefusal } from "../node-rows.ts";
import { authenticateNode } from "./authenticate-node.ts";
import { batched } from "./batched.ts";
import { createFindNode, type FindNode } from "./find-node.ts";
import type { NodeStore } from "./node-store.ts";
import type { UpgradeRefusal } from "./upgrade-answer.ts";

/** A node that may have a link, and what is known of its reports. */
export interface Admitted {
  readonly kind: "admitted";
  readonly node: KnownNode;
  readonly claimed: ClaimedLink;
}

export type HandshakeOutcome =
  | Admitted
  | { readonly kind: "refused"; readonly refusal: UpgradeRefusal };

/**
 * Says who asks for a link, and whether it gets one. `mayHave` is asked once it is proven who it is,
 * before the link is taken over from an older one: it says why not. Rejects as storage does.
 */
export type LinkHandshake = (
  request: IncomingMessage,
  mayHave: (node: KnownNode) => UpgradeRefusal | undefined,
) => Promise<HandshakeOutcome>;

/** Handshakes that come at the same time share their statements. */
export function createLinkHandshake(clock: Clock, store: NodeStore): LinkHandshake {
  const findNode = createFindNode(store);
  const claim = batched(
    async (claims: readonly LinkClaim[]) => {
      const won = await store.claimLinks(claims, bootsPerNodeKept);
      const byNode = new Map(won.map((link) => [link.node, link]));
      return claims.map(({ node, generation }) => {
        const link = byNode.get(node);
        return link?.generation === generation ? link : null;
      });
    },
    { sizeMax: nodeRowsPerWriteMax },
  );
  return (request, mayHave) => admit({ clock, findNode, claim, mayHave }, request);
}

interface AdmitDeps {
  readonly clock: Clock;
  readonly findNode: FindNode;
  readonly claim: (claim: LinkClaim) => Promise<ClaimedLink | null>;
  readonly mayHave: (node: KnownNode) => UpgradeRefusal | undefined;
}

async function admit(deps: AdmitDeps, request: IncomingMessage): Promise<HandshakeOutcome> {
  const protocols = request.headers["sec-websocket-protocol"]?.split(",") ?? [];
  if (!protocols.some((name) => name.trim() === linkSubprotocol)) {
    const detail = `the link speaks the WebSocket sub-protocol ${linkSubprotocol}`;
    return refused({ status: 400, code: "http/bad-request", detail });
  }
  const asked = { method: request.method ?? "", path: agentPaths.link };
  const outcome = await authenticateNode(deps, request.headers.authorization, asked);
  if (outcome.kind !== "node") return refused(answerTo(outcome));
  const { node, claim } = outcome;
  const refusal = deps.mayHave(node);
  if (refusal !== undefined) return refused(refusal);
  const claimed = await deps.claim({ node: node.nodeId, generation: claim.generation });
  if (claimed === null) return refused(answerTo({ kind: "replaced" }));
  return { kind: "admitted", node, claimed };
}

function refused(refusal: UpgradeRefusal): HandshakeOutcome {
  return { kind: "refused", refusal };
}

function answerTo(why: NodeRefusal): UpgradeRefusal {
  switch (why.kind) {
    case "unauthenticated":
      return {
        status: 401,
        code: "http/node-unauthenticated",
        detail: "a node signs its requests in the Authorization header",
      };
    case "clock-skew":
      return {
        status: 401,
        code: "http/node-clock-skew",
        detail: "the node's clock is wrong: correct the offset by the time in this answer",
        headers: { [controlTimeHeader]: String(why.controlTimeMs) },
      };
    case "unauthorized":
      return {
        status: 401,
        code: "http/node-unauthorized",
        detail: "the node is not known like this",
      };
    case "retired":
      return { status: 403, code: "http/node-retired", detail: "the node was retired" };
    case "replaced":
      return {
        status: 409,
        code: "http/node-replaced",
        detail: "a newer link of this node exists",
      };
  }
}
