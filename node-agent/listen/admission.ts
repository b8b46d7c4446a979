import type { SlotRef } from "../pool/pool-view.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";

/** What a balancer asks of clients at the door. */
export interface DoorTerms {
  readonly slot: SlotRef;
  /** Connections of clients at the same time, over all workers; 0 is without limit. */
  readonly maxConnections: number;
}

export type Admission =
  /** One place is taken, and has to be released when the connection has closed. */
  | { readonly kind: "admitted" }
  | { readonly kind: "denied"; readonly reason: "limit-reached" | "removed" };

/** Whether a client may come in, and the place it takes when it may. Exact over all workers. */
export function admit(counters: WorkerCounters, door: DoorTerms): Admission {
  const acquired = counters.acquire(door.slot, door.maxConnections);
  switch (acquired) {
    case "acquired":
      return { kind: "admitted" };
    case "full":
      return { kind: "denied", reason: "limit-reached" };
    case "gone":
      return { kind: "denied", reason: "removed" };
  }
}
