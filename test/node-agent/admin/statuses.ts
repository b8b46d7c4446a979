import type { TotalsRow } from "#shared/measures/interval.ts";

import type { AgentStatus, SourceView } from "../../../node-agent/admin/status.ts";

/** A status with one balancer that serves and one that fails. */
export function statusOf(over: Partial<AgentStatus> = {}): AgentStatus {
  return {
    phase: "serving",
    agent: { version: "0.1.0", driver: "portable", pid: 42, uptimeMs: 1_000 },
    workers: { wanted: 2, present: 2, lastLoss: null },
    restarts: { handovers: 0, predecessor: null, failed: 0, lastFailure: null },
    node: { id: "nod_a", group: "grp_a", control: "http://127.0.0.1:8080" },
    link: { stage: "open", opened: 2 },
    snapshot: {
      version: { epoch: 1, rev: 7, root: "a".repeat(64) },
      durable: true,
      reverted: null,
    },
    accessLog: { written: 12, dropped: 1 },
    balancers: [
      {
        id: "bal_a",
        name: "web",
        bind: ["127.0.0.1:9000"],
        state: "serving",
        problems: [],
        activeConnections: 3,
        backends: [
          {
            name: "10.0.0.1:80",
            live: true,
            ejected: false,
            state: "enabled",
            activeConnections: 3,
            checks: [{ atMs: 1, verdict: "passed", tookMs: 2, detail: "" }],
          },
        ],
        sources: [sourceOf()],
        certificates: { problems: [], ends: [] },
        unserved: { turnedAway: {}, sessionsEvicted: 0, datagramsDropped: {} },
      },
      {
        id: "bal_b",
        name: "api",
        bind: ["127.0.0.1:9001"],
        state: "failing",
        problems: [{ pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" }],
        activeConnections: 0,
        backends: [],
        sources: [],
        certificates: { problems: [], ends: [] },
        unserved: { turnedAway: {}, sessionsEvicted: 0, datagramsDropped: {} },
      },
    ],
    ...over,
  };
}

/** A source that has failed after it had named a backend. */
export function sourceOf(): SourceView {
  return {
    pointer: "/discovery",
    kind: "consul",
    state: "failing",
    isWatched: false,
    watchProblem: "ended: the stream ended",
    backends: 1,
    skipped: 2,
    lastSuccessMs: 1_700_000_000_000,
    rememberedMs: null,
    lastFailure: { atMs: 1_700_000_010_000, code: "timeout", detail: "no answer within 2000 ms" },
    lastDurationMs: 2_000,
    fetches: 7,
    failures: 3,
  };
}

export function totalsOf(): readonly TotalsRow[] {
  const counters = { connections: 5, refused: 1, rejected: 2, rxBytes: 1_000, txBytes: 500 };
  return [
    { balancer: "bal_a", backend: "", counters, gauges: { activeConnections: 3, live: 1 } },
    {
      balancer: "bal_a",
      backend: "10.0.0.1:80",
      counters,
      gauges: { activeConnections: 3, live: 1 },
    },
  ];
}
