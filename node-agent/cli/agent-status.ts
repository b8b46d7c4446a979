import type { Version } from "#shared/snapshot/version.ts";

import type {
  AgentPhase,
  AgentStatus,
  BackendView,
  BalancerView,
  ProblemView,
  RestartsView,
} from "../admin/status.ts";
import { agentVersion } from "../agent-version.ts";
import type { ApplierView } from "../apply/applier.ts";
import type { LinkView } from "../control-link/control-link.ts";
import type { Identity } from "../control-link/identity.ts";
import type { BackendStatus, BalancerStatus } from "../flow/balancer-status.ts";
import type { WorkersView } from "../flow/workers.ts";
import type { AccessCounts } from "../runtime/access-log.ts";

/** The parts' own views, at one moment. */
export interface StatusParts {
  readonly draining: boolean;
  readonly accessLog: AccessCounts | null;
  readonly restarts: RestartsView;
  readonly uptimeMs: number;
  readonly driver: string;
  readonly workers: WorkersView;
  readonly identity: Pick<Identity, "node" | "group" | "control">;
  readonly link: LinkView;
  readonly reverted: Version | undefined;
  readonly applied: ApplierView;
  readonly balancers: readonly BalancerStatus[];
}

/** What the local status port shows. */
export function agentStatus(parts: StatusParts): AgentStatus {
  const { identity, link, applied } = parts;
  return {
    phase: phaseOf(parts),
    agent: {
      version: agentVersion,
      driver: parts.driver,
      pid: process.pid,
      uptimeMs: Math.round(parts.uptimeMs),
    },
    workers: parts.workers,
    restarts: parts.restarts,
    node: { id: identity.node, group: identity.group, control: identity.control },
    link: { stage: link.stage, opened: link.opened },
    snapshot: {
      version: applied.version,
      durable: link.durable,
      reverted: parts.reverted ?? null,
    },
    accessLog: parts.accessLog,
    balancers: [
      ...parts.balancers.map((status) => runningView(status, problemsOf(status, parts))),
      ...notRunning(parts.balancers, applied),
    ],
  };
}

function phaseOf({ draining, applied, workers }: StatusParts): AgentPhase {
  if (draining) return "draining";
  if (applied.version === null) return "waiting";
  return workers.present === 0 ? "halted" : "serving";
}

function problemsOf(
  { id, phase }: BalancerStatus,
  { applied: { failing }, workers }: StatusParts,
): readonly ProblemView[] {
  if (phase !== "serving") return [];
  const detail = `no worker is left: ${workers.lastLoss ?? ""}`;
  const halted = workers.present === 0 ? [{ pointer: "", code: "worker-lost", detail }] : [];
  return [...halted, ...(failing.get(id)?.problems ?? [])];
}

function runningView(status: BalancerStatus, problems: readonly ProblemView[]): BalancerView {
  const { id, name, phase, binds, openConnections, backends } = status;
  const { sources, certificates, unserved } = status;
  return {
    id,
    name,
    bind: binds,
    state: problems.length > 0 ? "failing" : phase,
    problems,
    activeConnections: openConnections,
    backends: backends.map(backendView),
    sources,
    certificates,
    unserved,
  };
}

/** Balancers of which nothing runs, because they never could. */
function notRunning(
  balancers: readonly BalancerStatus[],
  { failing }: ApplierView,
): readonly BalancerView[] {
  const serving = new Set(balancers.filter(({ phase }) => phase === "serving").map(({ id }) => id));
  return [...failing].flatMap(([id, { problems }]) =>
    serving.has(id)
      ? []
      : [
          {
            id,
            name: "",
            bind: [],
            state: "failing",
            problems,
            activeConnections: 0,
            backends: [],
            sources: [],
            certificates: { problems: [], ends: [] },
            unserved: { turnedAway: {}, sessionsEvicted: 0, datagramsDropped: {} },
          },
        ],
  );
}

function backendView(status: BackendStatus): BackendView {
  const { name, isLive, isEjected, state, activeConnections, checks } = status;
  return {
    name,
    live: isLive,
    ejected: isEjected,
    state,
    activeConnections,
    checks: checks.map((check) => ({
      atMs: check.atMs,
      verdict: check.verdict,
      tookMs: Math.round(check.tookMs),
      detail: check.verdict === "passed" ? "" : check.detail,
    })),
  };
}
