import { backendRowsMax, nodeAwayMsMin, nodeRowsMax } from "#shared/base/limits.ts";
import { backendName } from "#shared/definition/backend-name.ts";
import type { BackendState, ManagedBackend } from "#shared/definition/managed-backend.ts";

/** Counters of an answer: what happened within the window. */
export interface TrafficCounters {
  readonly connections: number;
  /** Dials that failed. */
  readonly refused: number;
  /** Connections closed without a dial: limit reached, no backend, denied. */
  readonly rejected: number;
  /** From backends to clients. */
  readonly rxBytes: number;
  /** From clients to backends. */
  readonly txBytes: number;
}

export interface TrafficTotals extends TrafficCounters {
  /** Open now, on the nodes that report. */
  readonly activeConnections: number;
}

/** Averages per second over the last `overMs`. */
export interface TrafficRates {
  readonly overMs: number;
  readonly connectionsPerSecond: number;
  readonly refusedPerSecond: number;
  readonly rxBytesPerSecond: number;
  readonly txBytesPerSecond: number;
}

export interface BackendTraffic extends TrafficTotals {
  /** `host:port` */
  readonly backend: string;
  /** Reporting nodes that find it healthy, and reporting nodes that know it. */
  readonly live: number;
  readonly nodes: number;
  /** It has left every node, and its last connection is closed: only the window still knows it. */
  readonly gone: boolean;
  /** What the balancer's managed backends say of it; `enabled` unless they say otherwise. */
  readonly state: BackendState;
}

/** A node's part; counters are null when the window is so long that nodes are merged. */
export interface NodeTraffic {
  readonly node: string;
  readonly hostname: string;
  readonly reporting: boolean;
  readonly ageMs: number | null;
  readonly activeConnections: number;
  readonly totals: TrafficCounters | null;
  /** Rows of its reports that were not counted: too many waited on the node, or they were refused. */
  readonly droppedRows: number;
}

/** The traffic of a balancer, and how complete and how old the picture is. */
export interface TrafficView {
  readonly window: string;
  readonly nodes: { readonly reporting: number; readonly expected: number };
  /** Age of the oldest of the reporting nodes' last words; null when none reports. */
  readonly ageMs: number | null;
  readonly totals: TrafficTotals;
  readonly rates: TrafficRates;
  readonly backends: readonly BackendTraffic[];
  readonly byNode: readonly NodeTraffic[];
}

/** Sums of buckets of one backend (empty: the balancer) on one node (null: nodes merged). */
export interface BucketRow extends TrafficCounters {
  readonly nodeId: string | null;
  readonly backend: string;
}

/** Gauges as last heard; of what has departed it is known that it has. */
export interface GaugeRow {
  readonly nodeId: string;
  readonly backend: string;
  readonly activeConnections: number;
  readonly live: number;
  readonly departed: boolean;
}

/** A node that shall run the balancer, and when it was last heard. */
export interface ExpectedNode {
  readonly nodeId: string;
  readonly hostname: string;
  readonly heardAtMs: number | null;
  readonly droppedRows: number;
}

export interface TrafficRows {
  readonly buckets: readonly BucketRow[];
  /** Sums of the balancer's buckets within `rateMs`. */
  readonly recent: TrafficCounters;
  readonly gauges: readonly GaugeRow[];
  readonly nodes: readonly ExpectedNode[];
  readonly managed: readonly ManagedBackend[];
}

export interface TrafficSpan {
  /** As it was asked for. */
  readonly window: string;
  readonly rateMs: number;
  readonly nowMs: number;
}

/** Shapes a balancer's traffic. */
export function trafficView(rows: TrafficRows, span: TrafficSpan): TrafficView {
  const reporting = rows.nodes.filter((node) => isReporting(node, span.nowMs));
  const reportingIds = new Set(reporting.map(({ nodeId }) => nodeId));
  const gauges = rows.gauges.filter((row) => !row.departed && reportingIds.has(row.nodeId));
  const own = rows.buckets.filter(({ backend }) => backend === "");
  return {
    window: span.window,
    nodes: { reporting: reporting.length, expected: rows.nodes.length },
    ageMs: maxOrNull(reporting.flatMap((node) => ageOf(node, span.nowMs) ?? [])),
    totals: {
      ...summed(own),
      activeConnections: activeOf(gauges.filter(({ backend }) => backend === "")),
    },
    rates: ratesOf(rows.recent, span.rateMs),
    backends: backendsOf(rows, gauges).slice(0, backendRowsMax),
    byNode: rows.nodes
      .slice(0, nodeRowsMax)
      .map((node) => nodeTraffic(node, { own, gauges, nowMs: span.nowMs })),
  };
}

function isReporting(node: ExpectedNode, nowMs: number): boolean {
  const ageMs = ageOf(node, nowMs);
  return ageMs !== null && ageMs < nodeAwayMsMin;
}

function ageOf({ heardAtMs }: ExpectedNode, nowMs: number): number | null {
  return heardAtMs === null ? null : Math.max(0, nowMs - heardAtMs);
}

/** Backends that are there, and of those that are gone the ones with traffic within the window. */
function backendsOf(rows: TrafficRows, gauges: readonly GaugeRow[]): readonly BackendTraffic[] {
  const buckets = Map.groupBy(rows.buckets, ({ backend }) => backend);
  const known = Map.groupBy(gauges, ({ backend }) => backend);
  const names = new Set([...buckets.keys(), ...known.keys()]);
  const there = namesThere(rows);
  const states = statesOf(rows.managed);
  names.delete("");
  return [...names].toSorted().flatMap((backend) => {
    const heard = known.get(backend) ?? [];
    const counters = summed(buckets.get(backend) ?? []);
    const gone = !there.has(backend);
    if (gone && Object.values(counters).every((count) => count === 0)) return [];
    return {
      backend,
      ...counters,
      activeConnections: activeOf(heard),
      live: heard.filter(({ live }) => live > 0).length,
      nodes: heard.length,
      gone,
      state: states.get(backend) ?? "enabled",
    };
  });
}

function statesOf(managed: readonly ManagedBackend[]): ReadonlyMap<string, BackendState> {
  return new Map(
    managed.map(({ host, port, state = "enabled" }) => [backendName(host, port), state]),
  );
}

/** Backends that have not left every node; a node that is not heard may still have its own. */
function namesThere({ gauges, nodes }: TrafficRows): ReadonlySet<string> {
  const expected = new Set(nodes.map(({ nodeId }) => nodeId));
  const there = gauges.filter((row) => !row.departed && expected.has(row.nodeId));
  return new Set(there.map(({ backend }) => backend));
}

function nodeTraffic(
  node: ExpectedNode,
  rows: {
    readonly own: readonly BucketRow[];
    readonly gauges: readonly GaugeRow[];
    readonly nowMs: number;
  },
): NodeTraffic {
  const merged = rows.own.some(({ nodeId }) => nodeId === null);
  const ofNode = <R extends { readonly nodeId: string | null }>(all: readonly R[]): readonly R[] =>
    all.filter(({ nodeId }) => nodeId === node.nodeId);
  return {
    node: node.nodeId,
    hostname: node.hostname,
    reporting: isReporting(node, rows.nowMs),
    ageMs: ageOf(node, rows.nowMs),
    activeConnections: activeOf(ofNode(rows.gauges).filter(({ backend }) => backend === "")),
    totals: merged ? null : summed(ofNode(rows.own)),
    droppedRows: node.droppedRows,
  };
}

function summed(rows: readonly TrafficCounters[]): TrafficCounters {
  const sum = (of: (row: TrafficCounters) => number): number =>
    rows.reduce((total, row) => total + of(row), 0);
  return {
    connections: sum((row) => row.connections),
    refused: sum((row) => row.refused),
    rejected: sum((row) => row.rejected),
    rxBytes: sum((row) => row.rxBytes),
    txBytes: sum((row) => row.txBytes),
  };
}

function activeOf(gauges: readonly GaugeRow[]): number {
  return gauges.reduce((total, row) => total + row.activeConnections, 0);
}

function ratesOf(recent: TrafficCounters, overMs: number): TrafficRates {
  const perSecond = (count: number): number => Math.round((count / overMs) * 1_000_000) / 1_000;
  return {
    overMs,
    connectionsPerSecond: perSecond(recent.connections),
    refusedPerSecond: perSecond(recent.refused),
    rxBytesPerSecond: perSecond(recent.rxBytes),
    txBytesPerSecond: perSecond(recent.txBytes),
  };
}

function maxOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}
