import type { CloseReason } from "../engine/engine.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { Stages } from "./stages.ts";

/** Why a client gets no backend; `detail` is for logs, the same for all with the same cause. */
export interface Refusal {
  readonly reason: CloseReason;
  readonly detail: string;
}

/** Counts a client that is turned away, and tells of it. */
export function tellRefused(
  { counts, notices }: Pick<Stages, "counts" | "notices">,
  { terms }: ServedBalancer,
  { reason, detail }: Refusal,
): void {
  counts.rejected(terms.slot);
  notices.add({ kind: "turned-away", balancer: terms.key, reason, detail, count: 1 });
}
