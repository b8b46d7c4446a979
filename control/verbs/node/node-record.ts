import type { NodeId } from "#shared/base/ids.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

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
