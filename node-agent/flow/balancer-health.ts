import { healthBackendsMax } from "#shared/base/limits.ts";
import type { BackendHealth, HealthArgs, HealthResult, SourceHealth } from "#shared/wire/health.ts";

import type { SourceStatus } from "../discover/source-status.ts";
import type { BackendStatus, BalancerStatus } from "./balancer-status.ts";

/**
 * What this node knows of a balancer's backends: of one with all results that are kept, of all with
 * the last result of each, and what the balancer did not serve. What is wrong comes first, so that a
 * bound does not hide it.
 */
export function balancerHealth(
  { backends, sources, unserved }: Pick<BalancerStatus, "backends" | "sources" | "unserved">,
  asked: HealthArgs["backend"],
): HealthResult {
  const wanted = backends.filter(({ name }) => asked === null || name === asked);
  const listed = wanted
    .toSorted((a, b) => Number(a.isLive) - Number(b.isLive) || (a.name < b.name ? -1 : 1))
    .slice(0, healthBackendsMax);
  return {
    backends: listed.map((backend) => backendHealth(backend, asked === null ? 1 : undefined)),
    unlisted: wanted.length - listed.length,
    sources: sources.map(sourceHealth),
    unserved,
  };
}

function backendHealth(status: BackendStatus, resultsMax: number | undefined): BackendHealth {
  return {
    backend: status.name,
    live: status.isLive,
    ejected: status.isEjected,
    discovered: status.isDiscovered,
    state: status.state,
    activeConnections: status.activeConnections,
    checks: status.checks.slice(0, resultsMax).map((check) => ({
      atMs: check.atMs,
      verdict: check.verdict,
      tookMs: Math.round(check.tookMs),
      detail: check.verdict === "passed" ? "" : shortened(check.detail),
    })),
  };
}

function sourceHealth(status: SourceStatus): SourceHealth {
  const { isWatched, lastFailure } = status;
  return {
    pointer: status.pointer,
    kind: status.kind,
    state: status.state,
    watched: isWatched,
    backends: status.backends,
    skipped: status.skipped,
    lastSuccessMs: status.lastSuccessMs,
    rememberedMs: status.rememberedMs,
    lastFailure: lastFailure && { ...lastFailure, detail: shortened(lastFailure.detail) },
    lastDurationMs: status.lastDurationMs,
    fetches: status.fetches,
    failures: status.failures,
  };
}

function shortened(text: string): string {
  return text.slice(0, 300);
}
