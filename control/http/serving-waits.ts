import type { TenantId } from "#shared/base/ids.ts";
import {
  preferWaitReadsAtOnceMax,
  preferWaitsMax,
  preferWaitsPerTenantMax,
} from "#shared/base/limits.ts";

import { Turns } from "../turns.ts";
import { readReceipt } from "../view/read-receipt.ts";
import { readUnsettled } from "../view/read-unsettled.ts";
import type { ReceiptView } from "../view/receipt-view.ts";
import type { ViewDeps } from "../view/view-deps.ts";
import { TenantWatch, type ServingWait, type WatchEnd } from "./tenant-watch.ts";

/** A wait of one tenant. */
export interface TenantWait extends ServingWait {
  readonly tenantId: TenantId;
  /** Called once it is clear that it waits. */
  readonly onWaiting: () => void;
}

/** How a wait ended, or that the tenant, or all tenants together, wait for as much as they may. */
export type WaitEnd = WatchEnd | "tenant-full" | "full";

/**
 * Waits until connected nodes serve revisions, or have refused them. However many wait, one tenant's
 * waits are one statement at a time, and all of them together few: others' calls find the database
 * free. Nodes that are away are not waited for.
 */
export class ServingWaits {
  readonly #deps: ViewDeps;
  readonly #watches = new Map<TenantId, TenantWatch>();
  readonly #turns = new Turns(preferWaitReadsAtOnceMax);
  #count = 0;

  constructor(deps: ViewDeps) {
    this.#deps = deps;
  }

  /** The revision's receipt as it is now. Reads take turns too: many waits may end at one moment. */
  receipt(tenantId: TenantId, rev: number): Promise<ReceiptView | undefined> {
    return this.#turns.run(() => readReceipt(this.#deps, tenantId, rev));
  }

  /** @throws Fault as storage does */
  async until(wait: TenantWait): Promise<WaitEnd> {
    if (this.#count >= preferWaitsMax) return "full";
    const watch = this.#watchOf(wait.tenantId);
    if (watch.size >= preferWaitsPerTenantMax) return "tenant-full";
    this.#count += 1;
    wait.onWaiting();
    try {
      return await watch.until(wait);
    } finally {
      this.#count -= 1;
    }
  }

  #watchOf(tenantId: TenantId): TenantWatch {
    const known = this.#watches.get(tenantId);
    if (known !== undefined) return known;
    const watch = new TenantWatch(this.#deps.clock, {
      read: (revs) => this.#turns.run(() => readUnsettled(this.#deps, tenantId, revs)),
      onIdle: () => this.#watches.delete(tenantId),
    });
    this.#watches.set(tenantId, watch);
    return watch;
  }
}
