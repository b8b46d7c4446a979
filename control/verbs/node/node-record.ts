import type { NodeId } from "#shared/base/ids.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

import { momentMs } from "../../storage/queries/moment.ts";
import type { NodeRow } from "../../storage/queries/nodes.ts";

/** A node, and what it was last heard to run. */
export interface NodeRecord {
  readonly id: NodeId;
  /** The group's name. */
  readonly group: string;
  readonly hostname: string;
  readonly agent: string;
  readonly os: string;
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly joinedAtMs: number;
  readonly retiredAtMs: number | null;
  readonly status: NodeStatus;
}

export interface NodeStatus {
  readonly connected: boolean;
  readonly desired: Version | null;
  readonly running: Version | null;
  /** `sent`, `stored`, `applied`, `serving`, `degraded`, `refused`; null before the first. */
  readonly phase: string | null;
  readonly failing: number;
  readonly errors: readonly ApplyError[];
  readonly durable: boolean;
  readonly connections: number;
  readonly lastSeenAtMs: number | null;
}

export function nodeRecordOf({ node, groupName, status }: NodeRow): NodeRecord {
  const { id, hostname, agent, os, capabilities, labels } = node;
  return {
    id,
    group: groupName,
    hostname,
    agent,
    os,
    capabilities,
    labels,
    joinedAtMs: momentMs(node.joinedAt),
    retiredAtMs: momentMs(node.revokedAt),
    status: status === null ? unheard : statusOf(status),
  };
}

const unheard: NodeStatus = {
  connected: false,
  desired: null,
  running: null,
  phase: null,
  failing: 0,
  errors: [],
  durable: true,
  connections: 0,
  lastSeenAtMs: null,
};

function statusOf(status: NonNullable<NodeRow["status"]>): NodeStatus {
  const { connected, desired, running, phase, failing, errors, durable, connections } = status;
  const lastSeenAtMs = momentMs(status.lastSeenAt);
  return {
    connected,
    desired,
    running,
    phase,
    failing,
    errors,
    durable,
    connections,
    lastSeenAtMs,
  };
}
