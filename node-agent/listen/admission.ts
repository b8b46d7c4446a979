import type { ClientBounds, ClientCounters } from "../pool/client-counters.ts";
import type { SlotRef } from "../pool/pool-view.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { AccessList } from "./access-list.ts";
import { clientNetwork, type ClientPrefixes } from "./client-network.ts";

/** What a balancer asks of clients at the door. */
export interface Door {
  readonly slot: SlotRef;
  /** Connections of clients at the same time, over all workers; 0 is without limit. */
  readonly maxConnections: number;
  /** Undefined lets everybody in. */
  readonly access: AccessList | undefined;
  /** Undefined when one client may take all there is. */
  readonly perClient: ClientDoor | undefined;
}

/** Who stands at the door. Its address is asked for only where the door looks at it. */
export interface ArrivingClient {
  readonly address: Uint8Array;
}

/** What it asks of each client by itself. */
export interface ClientDoor {
  readonly bounds: ClientBounds & ClientPrefixes;
  readonly counters: ClientCounters;
}

export type Admission =
  /** One place is taken, and `place`; both have to be released when the connection has closed. */
  | { readonly kind: "admitted"; readonly place: HeldPlace | undefined }
  | {
      readonly kind: "denied";
      readonly reason: "access-denied" | "limit-reached" | "removed";
      /** For logs; the same for all clients that are denied for the same reason. */
      readonly detail: string;
      /** As many are in as the balancer takes, of all clients together. */
      readonly isBalancerFull: boolean;
    };

type Denied = Extract<Admission, { kind: "denied" }>;

/** A client's own place, and where it has to be given back, whatever the door has become. */
export interface HeldPlace {
  readonly counters: ClientCounters;
  readonly entry: number;
}

/**
 * Whether a client may come in, and the places it takes when it may. Who is denied access is counted
 * nowhere; the limits are exact over all workers.
 */
export function admit(counters: WorkerCounters, door: Door, client: ArrivingClient): Admission {
  if (!isAllowed(door, client)) return accessDenied;
  const place =
    door.perClient === undefined ? undefined : takePlace(door.perClient, client.address);
  if (place !== undefined && "kind" in place) return place;
  const acquired = counters.acquire(door.slot, door.maxConnections);
  if (acquired === "acquired") return { kind: "admitted", place };
  if (place !== undefined) releasePlace(place);
  return acquired === "full" ? balancerFull : removed;
}

/** What the access list says of a client, whether it is new or in already. */
export function isAllowed({ access }: Door, client: ArrivingClient): boolean {
  return access?.allows(client.address) !== false;
}

/** Gives back what an admission held for the client itself. */
export function releasePlace({ counters, entry }: HeldPlace): void {
  counters.release(entry);
}

/** Undefined when the client is not counted. */
function takePlace(door: ClientDoor, address: Uint8Array): HeldPlace | Denied | undefined {
  const network = clientNetwork(address, door.bounds);
  if (network === undefined) return undefined;
  const taken = door.counters.take(network, door.bounds);
  switch (taken.kind) {
    case "taken":
      return { counters: door.counters, entry: taken.entry };
    case "uncounted":
      return undefined;
    case "too-many":
      return tooMany;
    case "too-fast":
      return tooFast;
  }
}

const accessDenied = denied("access-denied", "");
const balancerFull: Denied = { ...denied("limit-reached", ""), isBalancerFull: true };
const removed = denied("removed", "");
const tooMany = denied("limit-reached", "one client has as many connections as it may");
const tooFast = denied("limit-reached", "one client opens connections faster than it may");

function denied(reason: Denied["reason"], detail: string): Denied {
  return { kind: "denied", reason, detail, isBalancerFull: false };
}
