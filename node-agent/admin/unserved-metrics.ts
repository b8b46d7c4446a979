import { Counter, type Registry } from "prom-client";

import type { BalancerView } from "./status.ts";

/**
 * What balancers did not serve, by reason; all set anew, so that what is gone is gone here too. There
 * is a series for a reason that has occurred: the reasons are closed lists.
 */
export function unservedMetrics(registry: Registry): {
  set(balancers: readonly BalancerView[]): void;
} {
  const counter = (name: string, help: string, ...more: readonly string[]): Counter =>
    new Counter({
      registers: [registry],
      name: `midstream_agent_balancer_${name}`,
      help,
      labelNames: ["balancer", "name", ...more],
    });
  const turnedAway = counter("turned_away_total", "Clients that got no backend", "reason");
  const evicted = counter("sessions_evicted_total", "UDP sessions that made room for others");
  const dropped = counter(
    "datagrams_dropped_total",
    "Datagrams that did not reach their receiver",
    "reason",
  );
  return {
    set: (balancers) => {
      for (const each of [turnedAway, evicted, dropped]) each.reset();
      for (const { id, name, unserved } of balancers) {
        const labels = { balancer: id, name };
        for (const [reason, count] of Object.entries(unserved.turnedAway)) {
          turnedAway.inc({ ...labels, reason }, count);
        }
        for (const [reason, count] of Object.entries(unserved.datagramsDropped)) {
          dropped.inc({ ...labels, reason }, count);
        }
        evicted.inc(labels, unserved.sessionsEvicted);
      }
    },
  };
}
