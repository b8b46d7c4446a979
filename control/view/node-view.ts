import { nodeAwayMsMin } from "#shared/base/limits.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

import { moment } from "./moment.ts";

/**
 * One word for a node. `away` is not `down`: the control plane only knows that it does not hear the
 * node, which goes on serving what it ran.
 */
export const nodeStates = [
  "new",
  "serving",
  "updating",
  "degraded",
  "refused",
  "away",
  "retired",
] as const;
export type NodeState = (typeof nodeStates)[number];

/** A version as the API shows it. */
export interface VersionView {
  readonly epoch: number;
  readonly revision: number;
  readonly root: string;
}

/** A node as its tenant sees it. */
export interface NodeView {
  readonly id: string;
  readonly hostname: string;
  readonly group: string;
  readonly state: NodeState;
  readonly connected: boolean;
  /** What it shall run; null before the control plane told it for the first time. */
  readonly desired: VersionView | null;
  /** What it was last heard to run. */
  readonly running: VersionView | null;
  readonly phase: string | null;
  /** Balancers of the running version that did not apply. */
  readonly failing: number;
  readonly lastError: ApplyError | null;
  readonly errors: readonly ApplyError[];
  /** False when its disk refuses the snapshot: it runs from memory. */
  readonly durable: boolean;
  readonly connections: number;
  readonly lastSeenAt: string | null;
  readonly joinedAt: string;
  readonly retiredAt: string | null;
  readonly agent: string;
  readonly os: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
}

/** What a node was last heard to be. */
export interface NodeStatusFacts {
  readonly connected: boolean;
  readonly desired: Version | null;
  readonly running: Version | null;
  readonly phase: string | null;
  readonly failing: number;
  readonly errors: readonly ApplyError[];
  readonly durable: boolean;
  readonly connections: number;
  readonly lastSeenAtMs: number | null;
}

/** What is known of a node. */
export interface NodeFacts {
  readonly id: string;
  readonly group: string;
  readonly hostname: string;
  readonly agent: string;
  readonly os: string;
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly joinedAtMs: number;
  readonly retiredAtMs: number | null;
  readonly status: NodeStatusFacts;
}

/** Shapes what is known of a node. */
export function nodeView(node: NodeFacts, nowMs: number): NodeView {
  const { status } = node;
  const connected = node.retiredAtMs === null && isConnected(status, nowMs);
  return {
    id: node.id,
    hostname: node.hostname,
    group: node.group,
    state: stateOf(node, connected),
    connected,
    desired: versionView(status.desired),
    running: versionView(status.running),
    phase: status.phase,
    failing: status.failing,
    lastError: status.errors.at(-1) ?? null,
    errors: status.errors,
    durable: status.durable,
    connections: connected ? status.connections : 0,
    lastSeenAt: moment(status.lastSeenAtMs),
    joinedAt: moment(node.joinedAtMs),
    retiredAt: moment(node.retiredAtMs),
    agent: node.agent,
    os: node.os,
    labels: node.labels,
    capabilities: node.capabilities,
  };
}

/**
 * Whether a link is open. A control process that died could not write that its links are gone, so
 * silence counts too.
 */
export function isConnected(
  status: Pick<NodeStatusFacts, "connected" | "lastSeenAtMs">,
  nowMs: number,
): boolean {
  return status.connected && nowMs - (status.lastSeenAtMs ?? 0) < nodeAwayMsMin;
}

function stateOf({ retiredAtMs, status }: NodeFacts, connected: boolean): NodeState {
  if (retiredAtMs !== null) return "retired";
  if (status.lastSeenAtMs === null) return "new";
  if (!connected) return "away";
  if (status.phase === "refused") return "refused";
  if (status.phase === "degraded" || status.failing > 0) return "degraded";
  return isBehind(status) ? "updating" : "serving";
}

function isBehind({ running, desired }: NodeStatusFacts): boolean {
  if (desired === null) return false;
  return running === null || running.root !== desired.root || running.rev !== desired.rev;
}

function versionView(version: Version | null): VersionView | null {
  if (version === null) return null;
  return { epoch: version.epoch, revision: version.rev, root: version.root };
}
