import { Counter, Gauge, type Registry } from "prom-client";

import type { BalancerView, SourceView } from "./status.ts";

const labelNames = ["balancer", "name", "source", "kind"];

interface Column {
  readonly name: string;
  readonly help: string;
  /** Undefined: there is nothing to tell yet, and no series. */
  readonly value: (source: SourceView) => number | undefined;
}

const gauges: readonly Column[] = [
  {
    name: "up",
    help: "1 while a balancer's source of backends answers",
    value: ({ state }) => (state === "fresh" ? 1 : 0),
  },
  {
    name: "watched",
    help: "1 while its stream of events stands",
    value: ({ isWatched }) => (isWatched === null ? undefined : Number(isWatched)),
  },
  {
    name: "remembered",
    help: "1 while it goes by an answer from before the agent started or the source was changed",
    value: ({ rememberedMs }) => (rememberedMs === null ? 0 : 1),
  },
  {
    name: "backends",
    help: "Backends of its last good answer",
    value: ({ backends }) => backends,
  },
  {
    name: "skipped",
    help: "Parts of its last good answer that no backend could be made of",
    value: ({ skipped }) => skipped,
  },
  {
    name: "last_success_timestamp_seconds",
    help: "When it answered last",
    value: ({ lastSuccessMs }) => (lastSuccessMs === null ? undefined : lastSuccessMs / 1_000),
  },
  {
    name: "last_failure_timestamp_seconds",
    help: "When it failed last",
    value: ({ lastFailure }) => (lastFailure === null ? undefined : lastFailure.atMs / 1_000),
  },
  {
    name: "last_duration_seconds",
    help: "How long the last fetch took",
    value: ({ lastDurationMs }) => (lastDurationMs === null ? undefined : lastDurationMs / 1_000),
  },
];

const counters: readonly Column[] = [
  { name: "fetches_total", help: "Fetches so far", value: ({ fetches }) => fetches },
  { name: "failures_total", help: "Fetches that failed", value: ({ failures }) => failures },
];

/** The sources of all balancers; all set anew, so that what is gone is gone here too. */
export function sourceMetrics(registry: Registry): {
  set(balancers: readonly BalancerView[]): void;
} {
  const base = (name: string, help: string) => ({
    registers: [registry],
    name: `midstream_agent_source_${name}`,
    help,
    labelNames,
  });
  const metrics = [
    ...gauges.map(({ name, help, value }) => {
      const gauge = new Gauge(base(name, help));
      return { value, reset: () => gauge.reset(), set: gauge.set.bind(gauge) };
    }),
    ...counters.map(({ name, help, value }) => {
      const counter = new Counter(base(name, help));
      return { value, reset: () => counter.reset(), set: counter.inc.bind(counter) };
    }),
  ];
  const reason = new Gauge({
    ...base("failing", "1 while it fails, by the code of its last failure"),
    labelNames: [...labelNames, "code"],
  });
  return {
    set: (balancers) => {
      reason.reset();
      for (const { reset } of metrics) reset();
      for (const { id, name, sources } of balancers) {
        for (const source of sources) {
          const labels = { balancer: id, name, source: source.pointer, kind: source.kind };
          const { state, lastFailure } = source;
          if (state === "failing" && lastFailure !== null) {
            reason.set({ ...labels, code: lastFailure.code }, 1);
          }
          for (const { value, set } of metrics) {
            const now = value(source);
            if (now !== undefined) set(labels, now);
          }
        }
      }
    },
  };
}
