import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { durationMs } from "#shared/base/duration.ts";
import { Fault } from "#shared/base/fault.ts";
import type { Healthcheck, HealthcheckKind } from "#shared/definition/healthcheck/healthcheck.ts";

import type { Checking } from "./health-monitor.ts";
import { pingProbe } from "./ping.ts";

/** The kinds of check that this agent knows. */
export const healthcheckKinds = ["none", "ping"] as const satisfies readonly HealthcheckKind[];

export interface CheckingDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
}

/**
 * The check that a definition asks for; undefined when it asks for none.
 *
 * @throws Fault `health/unsupported` for a kind that is not among `healthcheckKinds`
 */
export function createChecking(deps: CheckingDeps, check: Healthcheck): Checking | undefined {
  switch (check.kind) {
    case "none":
      return undefined;
    case "ping":
      return {
        probe: pingProbe({ ...deps, timeoutMs: durationMs(check.timeout) }),
        intervalMs: durationMs(check.interval),
        thresholds: { fails: check.fails, passes: check.passes },
      };
    case "probe":
    case "exec":
    case "http":
      throw unsupported(check.kind);
  }
}

/** Whether a new backend gets traffic before its first result. */
export function isLiveAtFirst(check: Healthcheck): boolean {
  return check.kind === "none" || check.initialStatus === "healthy";
}

function unsupported(kind: HealthcheckKind): Fault {
  return new Fault({
    code: "health/unsupported",
    owner: "platform",
    message: `a ${kind} check reached an agent that does not know it`,
  });
}
