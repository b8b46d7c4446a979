import type { Stoppable } from "#shared/base/lifetime.ts";
import type { Capability } from "#shared/definition/capability.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import type { Flows } from "../apply/flows.ts";
import type { InheritedAddress } from "../engine/address-claims.ts";
import type { Driver } from "../engine/engine.ts";
import type { Beliefs } from "./balancer-pool.ts";
import type { BalancerStatus } from "./balancer-status.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";
import type { WorkersView } from "./workers.ts";

/** Everything that carries traffic: the balancers that run, their workers and their numbers. */
export interface DataPlane extends Flows, Stoppable {
  readonly driver: Driver;
  /** What a balancer may need; one that needs more is refused with `unsupported`. */
  readonly capabilities: ReadonlySet<Capability>;
  /** Counters and gauges as they stand. A row that is gone is told for `departedRowMs`. */
  totals(): readonly TotalsRow[];
  /** Balancers that serve, and those that were removed and still have connections. */
  status(): readonly BalancerStatus[];
  /** Without any, nobody accepts. */
  workers(): WorkersView;
  /** Calls `listener` for every event from now on; what it returns ends that. */
  onEvent(listener: (event: DataPlaneEvent) => void): () => void;
  /** Where clients are accepted, as descriptors for a successor to inherit. */
  addresses(): Promise<readonly InheritedAddress[]>;
  /** Which backends are believed to live. */
  beliefs(): Beliefs;
  /**
   * Stops listening everywhere; resolves once all connections have closed, or were cut in the end.
   * `keepsAddresses` leaves them to a successor that listens on the same sockets.
   */
  drain(timeoutMs: number, how?: DrainHow): Promise<DrainOutcome>;
  /** Cuts what is open and ends the workers. */
  stop(): Promise<void>;
}

export interface DrainHow {
  readonly keepsAddresses: boolean;
}

/** How a drain of everything went. */
export interface DrainOutcome {
  /** Connections that were open when it began. */
  readonly open: number;
  /** Those of them that were cut because their time was up. */
  readonly cut: number;
}
