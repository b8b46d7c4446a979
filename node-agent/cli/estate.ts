import type { Version } from "#shared/snapshot/version.ts";

import type { InheritedAddress } from "../engine/address-claims.ts";
import type { Beliefs } from "../flow/balancer-pool.ts";
import type { Estate } from "../handover/messages.ts";
import { firstDescriptor } from "../handover/successor-process.ts";

/** What is left to a successor, with descriptors as this process numbers them. */
export interface EstateParts {
  readonly addresses: readonly InheritedAddress[];
  readonly folderClaim: number | undefined;
  readonly statusPort: number | undefined;
  readonly version: Version | null;
  readonly handovers: number;
  readonly beliefs: Beliefs;
}

/** The estate as the successor numbers its descriptors, and those to start it with, in order. */
export function estateOf(parts: EstateParts): {
  readonly descriptors: readonly number[];
  readonly estate: Estate;
} {
  const descriptors: number[] = [];
  const numbered = (descriptor: number): number =>
    firstDescriptor + descriptors.push(descriptor) - 1;
  const orNull = (descriptor: number | undefined): number | null =>
    descriptor === undefined ? null : numbered(descriptor);
  const { version, handovers, beliefs } = parts;
  const estate: Estate = {
    type: "estate",
    pid: process.pid,
    handovers,
    version,
    folderClaim: orNull(parts.folderClaim),
    statusPort: orNull(parts.statusPort),
    addresses: parts.addresses.map(({ address, claim, sockets }) => ({
      address,
      claim: orNull(claim),
      sockets: sockets.map(numbered),
    })),
    beliefs,
  };
  return { descriptors, estate };
}
