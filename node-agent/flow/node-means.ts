import { randomBytes } from "node:crypto";

import type { Clock } from "#shared/base/clock.ts";
import {
  execChecksMax,
  healthChecksMax,
  sourceCommandsMax,
  sourceFetchesMax,
} from "#shared/base/limits.ts";

import type { StoredCertificates } from "../certificates/stored-certificates.ts";
import { TicketKeys } from "../certificates/ticket-keys.ts";
import { FetchRoom } from "../discover/fetch-room.ts";
import { SourceMemory } from "../discover/source-memory.ts";
import { CheckGate } from "../health/gated-probe.ts";
import { NodeChecks } from "../health/node-checks.ts";
import { NameLookup } from "../runtime/name-lookup.ts";
import { usualAuthorities, usualAuthoritiesPem } from "../runtime/usual-authorities.ts";
import type { RunningBalancerDeps } from "./running-balancer.ts";
import { ServedBefore } from "./served-before.ts";

export interface NodeMeansDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** What the control plane keeps for balancers to show; nothing is stored unless given. */
  readonly storedCertificates?: StoredCertificates;
  /** What sources named last; until the data plane ends unless given. */
  readonly sourceMemory?: SourceMemory;
  /** Which balancers this node served; since the data plane began unless given. */
  readonly servedBefore?: ServedBefore;
  /** Session tickets have another key. */
  readonly onTicketsRenewed: () => void;
}

/** What a node has once for all of its balancers: names, authorities, keys, room for checks and fetches. */
export interface NodeMeans extends Pick<
  RunningBalancerDeps,
  | "storedCertificates"
  | "certificateOf"
  | "loading"
  | "ticketKeys"
  | "checks"
  | "probes"
  | "rooms"
  | "sourceMemory"
  | "nextListener"
> {
  readonly servedBefore: ServedBefore;
  /** Nobody uses them any more. */
  stop(): void;
}

export function createNodeMeans(deps: NodeMeansDeps): NodeMeans {
  const { clock, random, storedCertificates, onTicketsRenewed } = deps;
  const { sourceMemory = new SourceMemory(clock), servedBefore = new ServedBefore() } = deps;
  const ticketKeys = new TicketKeys({ clock, randomBytes, onRotated: onTicketsRenewed });
  let lastListener = 0;
  return {
    storedCertificates,
    certificateOf: (id) => storedCertificates?.get(id),
    loading: { stored: storedCertificates, usualAuthorities: usualAuthoritiesPem() },
    ticketKeys,
    checks: new NodeChecks({ clock, random }),
    probes: {
      clock,
      lookup: new NameLookup({ clock }).forSockets,
      authorities: usualAuthorities(),
      gates: { sockets: new CheckGate(healthChecksMax), programs: new CheckGate(execChecksMax) },
    },
    rooms: {
      fetches: new FetchRoom(sourceFetchesMax),
      commands: new FetchRoom(sourceCommandsMax),
    },
    sourceMemory,
    servedBefore,
    nextListener: () => {
      lastListener += 1;
      return lastListener;
    },
    stop: () => ticketKeys.stop(),
  };
}
