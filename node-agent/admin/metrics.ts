import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";

import type { TotalsRow } from "#shared/measures/interval.ts";
import type { CounterColumn } from "#shared/measures/report.ts";

import { checkMetrics } from "./check-metrics.ts";
import { sourceMetrics } from "./source-metrics.ts";
import type { AgentStatus } from "./status.ts";
import { unservedMetrics } from "./unserved-metrics.ts";

/** Where the numbers come from, read once a scrape. */
export interface MetricsSource {
  readonly status: () => AgentStatus;
  readonly totals: () => readonly TotalsRow[];
}

export interface Metrics {
  readonly contentType: string;
  /** Everything in Prometheus' text format. */
  render(): Promise<string>;
}

const counterHelp: Readonly<Record<CounterColumn, readonly [string, string]>> = {
  connections: ["connections_total", "Connections that reached a backend"],
  refused: ["refused_total", "Dials that failed"],
  rejected: ["rejected_total", "Connections closed without a dial"],
  rxBytes: ["rx_bytes_total", "Bytes from backends to clients"],
  txBytes: ["tx_bytes_total", "Bytes from clients to backends"],
};

const columns: readonly CounterColumn[] = [
  "connections",
  "refused",
  "rejected",
  "rxBytes",
  "txBytes",
];

/** The agent's own metrics, with those of its process. */
export function createMetrics(source: MetricsSource): Metrics {
  const registry = new Registry();
  collectProcessMetrics(registry);
  const agent = agentGauges(registry);
  const balancers = rowMetrics(registry, "balancer", ["balancer", "name"]);
  const backends = rowMetrics(registry, "backend", ["balancer", "name", "backend"]);
  const sources = sourceMetrics(registry);
  const checks = checkMetrics(registry);
  const unserved = unservedMetrics(registry);
  return {
    contentType: registry.contentType,
    render: () => {
      const status = source.status();
      const names = new Map(status.balancers.map(({ id, name }) => [id, name]));
      const rows = source.totals();
      agent.set(status);
      sources.set(status.balancers);
      checks.set(status.balancers);
      unserved.set(status.balancers);
      balancers.set(
        rows.filter(({ backend }) => backend === "").map((row) => labelled(row, names)),
      );
      backends.set(rows.filter(({ backend }) => backend !== "").map((row) => labelled(row, names)));
      return registry.metrics();
    },
  };
}

/**
 * The library's own, without the distribution of the event loop's delay: what samples it wakes the
 * process a hundred times a second, in a thread that carries no traffic.
 */
function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: rarelyMs });
  for (const { name } of registry.getMetricsAsArray()) {
    if (/^nodejs_eventloop_lag_(?!seconds)/.test(name)) registry.removeSingleMetric(name);
  }
}

const rarelyMs = 3_600_000;

interface LabelledRow {
  readonly row: TotalsRow;
  readonly labels: Readonly<Record<string, string>>;
}

function labelled(row: TotalsRow, names: ReadonlyMap<string, string>): LabelledRow {
  const { balancer, backend } = row;
  const name = names.get(balancer) ?? "";
  return { row, labels: backend === "" ? { balancer, name } : { balancer, name, backend } };
}

/** One counter a column, and the gauges; all set anew, so that what is gone is gone here too. */
function rowMetrics(
  registry: Registry,
  kind: "balancer" | "backend",
  labelNames: readonly string[],
): { set(rows: readonly LabelledRow[]): void } {
  const base = { registers: [registry], labelNames: [...labelNames] };
  const name = (rest: string): string => `midstream_agent_${kind}_${rest}`;
  const counters = columns.map((column) => {
    const [rest, help] = counterHelp[column];
    return { column, counter: new Counter({ ...base, name: name(rest), help }) };
  });
  const active = new Gauge({ ...base, name: name("active_connections"), help: "Open connections" });
  const liveHelp = kind === "backend" ? "1 while its checks pass" : "Backends that are live";
  const live = new Gauge({
    ...base,
    name: name(kind === "backend" ? "up" : "live_backends"),
    help: liveHelp,
  });
  return {
    set: (rows) => {
      const metrics = [...counters.map(({ counter }) => counter), active, live];
      for (const metric of metrics) metric.reset();
      for (const { row, labels } of rows) {
        for (const { column, counter } of counters) counter.inc(labels, row.counters[column]);
        active.set(labels, row.gauges.activeConnections);
        live.set(labels, row.gauges.live);
      }
    },
  };
}

function agentGauges(registry: Registry): { set(status: AgentStatus): void } {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ registers, name: `midstream_agent_${name}`, help });
  const info = new Gauge({
    registers,
    name: "midstream_agent_info",
    help: "Always 1; its labels say what runs",
    labelNames: ["version", "driver", "node", "group"],
  });
  const linkUp = gauge("link_up", "1 while the control plane is reached");
  const opened = new Counter({
    registers,
    name: "midstream_agent_links_opened_total",
    help: "Links to the control plane that stood so far",
  });
  const lines = accessLogCounters(registers);
  const ready = gauge("ready", "1 while the agent serves and does not drain");
  const revision = gauge("snapshot_revision", "Revision of the snapshot that runs");
  const durable = gauge("snapshot_durable", "1 when the snapshot that runs is on disk");
  const failing = gauge("balancers_failing", "Balancers that do not run as wanted");
  const handovers = gauge("handovers", "Agents in a row that have handed over, up to this one");
  const restartsFailed = gauge("restarts_failed", "Restarts that were tried in vain");
  const draining = gauge("predecessor_connections", "Clients that the agent before still serves");
  const wanted = gauge("workers", "Worker threads that there should be");
  const present = gauge(
    "workers_present",
    "Worker threads that are there; without any nobody accepts",
  );
  return {
    set: ({ agent, node, link, phase, snapshot, restarts, workers, balancers, accessLog }) => {
      lines.set(accessLog);
      info.reset();
      info.set(
        { version: agent.version, driver: agent.driver, node: node.id, group: node.group },
        1,
      );
      linkUp.set(link.stage === "open" ? 1 : 0);
      opened.reset();
      opened.inc(link.opened);
      ready.set(phase === "serving" ? 1 : 0);
      revision.set(snapshot.version?.rev ?? 0);
      durable.set(snapshot.durable ? 1 : 0);
      handovers.set(restarts.handovers);
      restartsFailed.set(restarts.failed);
      draining.set(restarts.predecessor?.connections ?? 0);
      wanted.set(workers.wanted);
      present.set(workers.present);
      failing.set(balancers.filter(({ state }) => state === "failing").length);
    },
  };
}

function accessLogCounters(registers: Registry[]): { set(counts: AgentStatus["accessLog"]): void } {
  const written = new Counter({
    registers,
    name: "midstream_agent_access_log_lines_total",
    help: "Lines of access logs that were written",
  });
  const dropped = new Counter({
    registers,
    name: "midstream_agent_access_log_dropped_total",
    help: "Lines of access logs that were left out",
  });
  return {
    set: (counts) => {
      written.reset();
      dropped.reset();
      written.inc(counts?.written ?? 0);
      dropped.inc(counts?.dropped ?? 0);
    },
  };
}
