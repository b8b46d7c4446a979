import { sql } from "drizzle-orm";

import type { NodeId } from "#shared/base/ids.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

import type { Transaction } from "../database.ts";
import { storableJson } from "./node-json.ts";

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

/** Stores what nodes of whatever tenants said, in one statement (system). */
export async function writeNodes(tx: Transaction, writes: NodeWrites): Promise<void> {
  const { status, hellos, receipts, events } = writes;
  await tx.execute(sql`
    SELECT system.write_nodes(
      ${storableJson(status)}::jsonb, ${storableJson(hellos)}::jsonb,
      ${storableJson(receipts)}::jsonb, ${storableJson(events)}::jsonb)`);
}
