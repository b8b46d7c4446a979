import { Counter, Gauge, Registry } from "prom-client";

/** Counters and gauges since the beginning, of a balancer or of one of its backends on a node. */
export interface SeriesFacts {
  readonly balancerId: string;
  readonly balancer: string;
  readonly node: string;
  /** `host:port`, or empty for the balancer as a whole. */
  readonly backend: string;
  readonly connections: number;
  readonly refused: number;
  readonly rejected: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly activeConnections: number;
  readonly live: number;
  /** Whether the node is heard, and it has not left it, so that its gauges mean something. */
  readonly current: boolean;
}

export interface NodeSeriesFacts {
  readonly node: string;
  readonly hostname: string;
  readonly group: string;
  readonly connected: boolean;
  readonly runningRev: number | null;
  readonly failing: number;
}

export interface MetricsFacts {
  readonly series: readonly SeriesFacts[];
  readonly nodes: readonly NodeSeriesFacts[];
  /** The tenant's newest revision. */
  readonly rev: number;
  /** False when there were more series than one scrape answers. */
  readonly complete: boolean;
}

/** Content type of the text (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** A tenant's numbers in Prometheus' text format. */
export function metricsText(facts: MetricsFacts): Promise<string> {
  const registry = new Registry();
  addTenant(registry, facts);
  addNodes(registry, facts.nodes);
  const [balancers, backends] = [
    facts.series.filter(({ backend }) => backend === ""),
    facts.series.filter(({ backend }) => backend !== ""),
  ];
  addSeries(registry, balancers, { of: "balancer", labels: ["balancer", "name", "node"] });
  addSeries(registry, backends, { of: "backend", labels: ["balancer", "name", "node", "backend"] });
  addLive(registry, backends);
  return registry.metrics();
}

function addTenant(registry: Registry, facts: MetricsFacts): void {
  new Gauge({
    name: "midstream_revision",
    help: "The newest committed revision.",
    registers: [registry],
  }).set(facts.rev);
  new Gauge({
    name: "midstream_scrape_complete",
    help: "1, or 0 when there were more series than one scrape answers.",
    registers: [registry],
  }).set(facts.complete ? 1 : 0);
}

function addNodes(registry: Registry, nodes: readonly NodeSeriesFacts[]): void {
  const labelNames = ["node", "hostname", "group"];
  const gauge = (name: string, help: string, of: (node: NodeSeriesFacts) => number): void => {
    const metric = new Gauge({ name, help, labelNames, registers: [registry] });
    for (const node of nodes) metric.set(nodeLabels(node), of(node));
  };
  gauge("midstream_node_connected", "1 when the control plane hears the node.", (node) =>
    node.connected ? 1 : 0,
  );
  gauge(
    "midstream_node_revision",
    "The revision that the node was last heard to run, 0 before the first.",
    (node) => node.runningRev ?? 0,
  );
  gauge(
    "midstream_node_failing_balancers",
    "Balancers that the node could not apply.",
    (node) => node.failing,
  );
}

function nodeLabels({ node, hostname, group }: NodeSeriesFacts): Record<string, string> {
  return { node, hostname, group };
}

interface SeriesKind {
  readonly of: "balancer" | "backend";
  readonly labels: readonly ("balancer" | "name" | "node" | "backend")[];
}

const counters = [
  ["connections", "Connections that reached a backend.", (row) => row.connections],
  ["refused", "Dials that failed.", (row) => row.refused],
  ["rejected", "Connections closed without a dial.", (row) => row.rejected],
  ["rx_bytes", "Bytes from backends to clients.", (row) => row.rxBytes],
  ["tx_bytes", "Bytes from clients to backends.", (row) => row.txBytes],
] as const satisfies readonly (readonly [string, string, (row: SeriesFacts) => number])[];

function addSeries(registry: Registry, rows: readonly SeriesFacts[], kind: SeriesKind): void {
  const labelNames = [...kind.labels];
  for (const [name, help, valueOf] of counters) {
    const counter = new Counter({
      name: `midstream_${kind.of}_${name}_total`,
      help,
      labelNames,
      registers: [registry],
    });
    for (const row of rows) counter.inc(labelsOf(row, kind), valueOf(row));
  }
  const active = new Gauge({
    name: `midstream_${kind.of}_active_connections`,
    help: "Connections that are open.",
    labelNames,
    registers: [registry],
  });
  for (const row of rows.filter(({ current }) => current)) {
    active.set(labelsOf(row, kind), row.activeConnections);
  }
}

function addLive(registry: Registry, backends: readonly SeriesFacts[]): void {
  const kind: SeriesKind = { of: "backend", labels: ["balancer", "name", "node", "backend"] };
  const live = new Gauge({
    name: "midstream_backend_live",
    help: "1 when the node finds the backend healthy.",
    labelNames: [...kind.labels],
    registers: [registry],
  });
  for (const row of backends.filter(({ current }) => current)) {
    live.set(labelsOf(row, kind), row.live);
  }
}

function labelsOf(row: SeriesFacts, kind: SeriesKind): Record<string, string> {
  const all = {
    balancer: row.balancerId,
    name: row.balancer,
    node: row.node,
    backend: row.backend,
  };
  return Object.fromEntries(kind.labels.map((label) => [label, all[label]]));
}
