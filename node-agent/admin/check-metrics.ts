import { Gauge, type Registry } from "prom-client";

import type { BackendView, BalancerView } from "./status.ts";

/** Checks and ejection of all backends; all set anew, so that what is gone is gone here too. */
export function checkMetrics(registry: Registry): {
  set(balancers: readonly BalancerView[]): void;
} {
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({
      registers: [registry],
      name: `midstream_agent_backend_${name}`,
      help,
      labelNames: ["balancer", "name", "backend"],
    });
  const ejected = gauge("ejected", "1 while it is left out because dials to it failed");
  const enabled = gauge("enabled", "0 while whoever manages it lets no new connection in");
  const passed = gauge("check_passed", "1 when its last check passed, 0 when it failed");
  const took = gauge("check_duration_seconds", "How long its last check took");
  return {
    set: (balancers) => {
      for (const each of [ejected, enabled, passed, took]) each.reset();
      for (const { id, name, backends } of balancers) {
        for (const backend of backends) {
          const labels = { balancer: id, name, backend: backend.name };
          const last = lastOf(backend);
          ejected.set(labels, Number(backend.ejected));
          enabled.set(labels, Number(backend.state === "enabled"));
          if (last === undefined) continue;
          passed.set(labels, last.verdict === "passed" ? 1 : 0);
          took.set(labels, last.tookMs / 1_000);
        }
      }
    },
  };
}

/** The last check that said something. */
function lastOf({ checks }: BackendView): BackendView["checks"][number] | undefined {
  return checks.find(({ verdict }) => verdict !== "none");
}
