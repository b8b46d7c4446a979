import { sleep } from "#shared/base/clock.ts";
import type { TenantId } from "#shared/base/ids.ts";
import { preferWaitPollMs, preferWaitPollMsMax } from "#shared/base/limits.ts";

import { readReceipt } from "../view/read-receipt.ts";
import { isSettled, type ReceiptView } from "../view/receipt-view.ts";
import type { ViewDeps } from "../view/view-deps.ts";

/** A revision to wait for, and for how long. */
export interface ServingWait {
  readonly rev: number;
  readonly waitMs: number;
}

/**
 * Waits until every connected node serves the revision or has refused it, or the time is over; then
 * says who serves it and who does not. Nodes that are away are not waited for.
 */
export async function waitForServing(
  deps: ViewDeps,
  tenantId: TenantId,
  { rev, waitMs }: ServingWait,
): Promise<ReceiptView | undefined> {
  const endMs = deps.clock.monotonicMs() + waitMs;
  for (let pauseMs = preferWaitPollMs; ; pauseMs = Math.min(pauseMs * 2, preferWaitPollMsMax)) {
    // oxlint-disable-next-line no-await-in-loop -- the next look depends on this one
    const receipt = await readReceipt(deps, tenantId, rev);
    const leftMs = endMs - deps.clock.monotonicMs();
    if (receipt === undefined || isSettled(receipt) || leftMs <= 0) return receipt;
    // oxlint-disable-next-line no-await-in-loop -- waiting is the point
    await sleep(deps.clock, Math.min(pauseMs, leftMs));
  }
}
