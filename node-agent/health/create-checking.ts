import { durationMs } from "#shared/base/duration.ts";
import type { Healthcheck, HealthcheckKind } from "#shared/definition/healthcheck/healthcheck.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";

import { probeOf, type ActiveCheck, type ProbeDeps } from "./probe-of.ts";
import type { Probe, ProbeTarget } from "./probe.ts";
import type { StreakThresholds } from "./streak.ts";

/** The kinds of check that this agent knows. */
export const healthcheckKinds = [
  "none",
  "ping",
  "probe",
  "exec",
  "http",
] as const satisfies readonly HealthcheckKind[];

/** A definition's check, ready to be run. */
export interface Checking {
  /** Checks with the same id do the same, whatever is made of their results. */
  readonly id: string;
  readonly probe: Probe;
  readonly intervalMs: number;
  /** Where it goes for a backend. */
  readonly targetOf: (backend: ProbeTarget) => ProbeTarget;
  readonly thresholds: StreakThresholds;
  /** A new backend's first result decides alone. */
  readonly firstDecides: boolean;
}

/** The check that a definition asks for; undefined when it asks for none. */
export function createChecking(deps: ProbeDeps, check: Healthcheck): Checking | undefined {
  if (check.kind === "none") return undefined;
  const { target, fails, passes, waitForFirstResult } = check;
  return {
    id: idOf(check),
    probe: probeOf(deps, check),
    intervalMs: durationMs(check.interval),
    targetOf: ({ host, port }) => ({ host: target?.host ?? host, port: target?.port ?? port }),
    thresholds: { fails, passes },
    firstDecides: waitForFirstResult ?? false,
  };
}

/** Whether a new backend gets traffic before its first result. */
export function isLiveAtFirst(check: Healthcheck): boolean {
  if (check.kind === "none") return true;
  return check.initialStatus === "healthy" && check.waitForFirstResult !== true;
}

/** What is done, without what is made of it. */
function idOf(check: ActiveCheck): string {
  const rest = ["fails", "passes", "initialStatus", "target", "waitForFirstResult"];
  const doing = Object.entries(check).filter(
    ([key, value]) => value !== undefined && key !== "panicBelowPercent" && !rest.includes(key),
  );
  return canonicalJson(Object.fromEntries(doing));
}
