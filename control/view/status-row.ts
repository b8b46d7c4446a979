import type { nodeStatus } from "../storage/tables/nodes.ts";

type StatusRow = typeof nodeStatus.$inferSelect;

/** What the read models need of a node's status. */
export interface StatusFacts {
  readonly connected: boolean;
  readonly lastSeenAtMs: number | null;
  readonly phase: string | null;
  readonly runningRev: number | null;
  readonly failing: number;
}

const neverHeard: StatusFacts = {
  connected: false,
  lastSeenAtMs: null,
  phase: null,
  runningRev: null,
  failing: 0,
};

/** A status row; null, as a left join gives it, is a node that was never heard. */
export function statusFacts(row: StatusRow | null): StatusFacts {
  if (row === null) return neverHeard;
  const { connected, lastSeenAt, phase, running, failing } = row;
  return {
    connected,
    lastSeenAtMs: lastSeenAt?.getTime() ?? null,
    phase,
    runningRev: running?.rev ?? null,
    failing,
  };
}
