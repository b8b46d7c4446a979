import type { GroupId, NodeId, QuestionId, TenantId } from "#shared/base/ids.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { NodeClaim } from "#shared/wire/node-authorization.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

/**
 * What links and the database tell each other about nodes: storage reads and writes it, and the
 * link, which does not know storage, gets it through functions.
 */

/** A node as its signed header is checked against it. */
export interface KnownNode {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
  readonly nodeId: NodeId;
  /** Raw public keys in base64url: Ed25519 and X25519. */
  readonly signingKey: string;
  readonly receivingKey: string;
  /** The highest generation that connected. */
  readonly generation: number;
  readonly revoked: boolean;
}

/** A node that wants to connect with a generation. */
export interface LinkClaim {
  readonly node: NodeId;
  readonly generation: number;
}

/** A claim that won. */
export interface ClaimedLink extends LinkClaim {
  /** The last report of the node's newest boots. */
  readonly marks: Readonly<Record<string, number>>;
}

/** A link that must end. */
export interface EndedLink {
  readonly node: NodeId;
  readonly why: "revoked" | "replaced";
}

/** What changed in `node_status`; a missing field stays as it is. */
export interface NodeStatusChange {
  readonly connected?: boolean;
  readonly desired?: Version | null;
  readonly running?: Version | null;
  readonly phase?: string | null;
  readonly failing?: number;
  readonly errors?: readonly ApplyError[];
  readonly durable?: boolean;
  readonly connections?: number;
}

/** A node that was heard; without effect when its link's generation is not the newest. */
export interface NodeStatusWrite {
  readonly node: NodeId;
  readonly generation: number;
  readonly instance: string;
  readonly session: string;
  readonly atMs: number;
  readonly change: NodeStatusChange;
}

/** How a node introduced itself. */
export interface NodeHelloWrite {
  readonly node: NodeId;
  readonly generation: number;
  readonly agent: string;
  readonly os: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
}

/** When a revision reached its steps on a node; what is stored already stays. */
export interface NodeReceiptWrite {
  readonly node: NodeId;
  readonly rev: number;
  readonly sentMs?: number;
  readonly storedMs?: number;
  readonly appliedMs?: number;
  readonly servingMs?: number;
  readonly errors: readonly ApplyError[];
}

/** Something that flipped on a node. */
export interface NodeEventWrite {
  /** Its own among all events: one that is written again, as after a lost answer, is stored once. */
  readonly key: string;
  readonly node: NodeId;
  readonly atMs: number;
  readonly kind: string;
  readonly balancer: string | null;
  readonly backend: string | null;
  readonly detail: string;
}

/** What nodes said; at most one status and one hello per node, one receipt per node and revision. */
export interface NodeWrites {
  readonly status: readonly NodeStatusWrite[];
  readonly hellos: readonly NodeHelloWrite[];
  readonly receipts: readonly NodeReceiptWrite[];
  readonly events: readonly NodeEventWrite[];
}

/** A node that wants to join with a token. */
export interface JoiningNode {
  /** SHA-256 of the token, hexadecimal. */
  readonly tokenHash: string;
  readonly nodeId: NodeId;
  readonly signingKey: string;
  readonly receivingKey: string;
  readonly hostname: string;
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Nodes that the tenant may have. */
  readonly nodesMax: number;
  readonly requestId: string;
  readonly address: string;
}

export type JoinRedemption =
  | {
      readonly outcome: "joined";
      readonly tenantId: TenantId;
      readonly groupId: GroupId;
      readonly epoch: number;
      /** Another than was asked for when these keys had joined with this token before. */
      readonly nodeId: NodeId;
    }
  | { readonly outcome: "unknown" | "expired" | "revoked" | "used" | "full" };

/** A node that retires itself. */
export interface LeavingNode {
  readonly nodeId: NodeId;
  readonly requestId: string;
  readonly address: string;
}

/** Why a node's request is refused; a closed list, part of the answer. */
export type NodeRefusal =
  /** No header, or not of the form. */
  | { readonly kind: "unauthenticated" }
  /** The node's clock is wrong: it corrects its offset by the time it is told, and tries again. */
  | { readonly kind: "clock-skew"; readonly controlTimeMs: number }
  /** Unknown node or wrong signature: which of them is not told. */
  | { readonly kind: "unauthorized" }
  | { readonly kind: "retired" }
  /** A newer link of this node exists: this one is late, or a copy of the node. */
  | { readonly kind: "replaced" };

export type NodeAuthentication =
  | { readonly kind: "node"; readonly node: KnownNode; readonly claim: NodeClaim }
  | NodeRefusal;

/** A question that a node has not answered. */
export interface OpenQuestion {
  readonly question: QuestionId;
  readonly node: NodeId;
}

/** What nodes can be asked: names of commands. */
export type QuestionName = "plan" | "health";

/** A question as it was put. */
export interface AskedQuestion {
  readonly id: QuestionId;
  readonly name: QuestionName;
  readonly args: unknown;
  /** For how long an answer is waited for; not positive when that is over. */
  readonly leftMs: number;
}

/** What a node answered to a question. */
export interface NodeAnswer {
  readonly question: string;
  readonly node: NodeId;
  readonly code: string;
  /** Null when there is none. */
  readonly result: unknown;
}
