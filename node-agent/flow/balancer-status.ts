import type { Protocol } from "#shared/definition/balancer.ts";
import type { BackendState } from "#shared/definition/managed-backend.ts";
import type { CounterTotals } from "#shared/measures/report.ts";

import type { SourceStatus } from "../discover/source-status.ts";
import type { CheckResult } from "../health/node-checks.ts";
import type { Rates } from "../stats/rate-meter.ts";
import type { CertificatesStatus } from "./balancer-tls.ts";
import type { Unserved } from "./unserved-counts.ts";

/** A running balancer at one moment. */
export interface BalancerStatus {
  readonly id: string;
  readonly name: string;
  /** `draining`: removed, and connections are still open. */
  readonly phase: "serving" | "draining";
  /** Where it listens, as the definition writes it. */
  readonly binds: readonly string[];
  readonly protocol: Protocol;
  /** Clients that are connected. */
  readonly openConnections: number;
  readonly totals: CounterTotals;
  readonly rates: Rates;
  /** In the order of their names. */
  readonly backends: readonly BackendStatus[];
  /** Where the backends come from, in the order of the definition. */
  readonly sources: readonly SourceStatus[];
  readonly certificates: CertificatesStatus;
  readonly unserved: Unserved;
}

export interface BackendStatus {
  /** `host:port`, IPv6 in brackets. */
  readonly name: string;
  readonly isLive: boolean;
  /** Left out for a while, because dials to it failed. */
  readonly isEjected: boolean;
  /** The last results of its checks, newest first. */
  readonly checks: readonly CheckResult[];
  /** False: its discovery names it no more, and it stays until its connections have closed. */
  readonly isDiscovered: boolean;
  /** What whoever manages it says that it is there for. */
  readonly state: BackendState;
  readonly weight: number;
  readonly priority: number;
  readonly maxConnections: number;
  readonly activeConnections: number;
  readonly totals: CounterTotals;
  readonly rates: Rates;
}
