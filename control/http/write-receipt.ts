import type { Context } from "hono";

import { preferWaitsMax, preferWaitsPerTenantMax } from "#shared/base/limits.ts";

import type { ReceiptView } from "../view/receipt-view.ts";
import type { TenantEnv } from "./env.ts";
import { preferredWaitMs } from "./preference.ts";
import type { ServingWaits, TenantWait, WaitEnd } from "./serving-waits.ts";

/** Why a change that was made was not waited for. */
export interface NotWaited {
  readonly code: "too-many-waits";
  readonly detail: string;
}

/** What an answer to a write says of nodes. */
export interface WriteReceipt {
  readonly receipt?: ReceiptView;
  readonly notWaited?: NotWaited;
}

/** The same, with the status of the answer: 202 when it should have been waited for and was not. */
export interface WriteReceiptAnswer<S extends number> {
  readonly status: S | 202;
  readonly notes: WriteReceipt;
}

/**
 * With `Prefer: wait`: waits for the nodes and says, as a part of the answer, who serves the
 * revision. Without it the answer says nothing of nodes. When too many wait already the change, which
 * is made, is answered at once.
 */
export async function receiptNote<S extends number>(
  c: Context<TenantEnv>,
  waits: ServingWaits,
  { rev, status }: { readonly rev: number; readonly status: S },
): Promise<WriteReceiptAnswer<S>> {
  const waitMs = preferredWaitMs(c.req.header("prefer"));
  if (waitMs === undefined) return { status, notes: {} };
  const { tenantId } = c.var.actor;
  const end = waitMs === 0 ? "over" : await waits.until(waitOf(c, { rev, waitMs }));
  const receipt = await waits.receipt(tenantId, rev);
  const notWaited = whyNot(end);
  c.header("preference-applied", `wait=${notWaited === undefined ? waitMs / 1_000 : 0}`);
  return {
    status: notWaited === undefined ? status : 202,
    notes: {
      ...(receipt === undefined ? {} : { receipt }),
      ...(notWaited === undefined ? {} : { notWaited }),
    },
  };
}

/** A request that waits leaves its place among those at work. */
function waitOf(
  c: Context<TenantEnv>,
  wanted: { readonly rev: number; readonly waitMs: number },
): TenantWait {
  const { actor, leaveRoom } = c.var;
  const { signal } = c.req.raw;
  return { ...wanted, tenantId: actor.tenantId, signal, onWaiting: leaveRoom };
}

function whyNot(end: WaitEnd): NotWaited | undefined {
  switch (end) {
    case "settled":
    case "over":
      return undefined;
    case "tenant-full":
      return tooMany(`${preferWaitsPerTenantMax} changes of the tenant are waited for already`);
    case "full":
      return tooMany(`${preferWaitsMax} changes are waited for already`);
  }
}

function tooMany(why: string): NotWaited {
  const detail = `${why}; the change is made, GET /v1/revisions/{rev} says who serves it`;
  return { code: "too-many-waits", detail };
}
