import type { InheritedAddress } from "../engine/address-claims.ts";
import type { Estate } from "../handover/messages.ts";
import type { Predecessor } from "../handover/predecessor.ts";

/** What a successor starts with. */
export interface Inheritance {
  readonly predecessor: Predecessor;
  readonly estate: Estate;
}

/** The addresses that were left, as those who claim them want them. */
export function inheritedAddresses({ addresses }: Estate): readonly InheritedAddress[] {
  return addresses.map(({ address, claim, sockets }) => ({
    address,
    claim: claim ?? undefined,
    sockets,
  }));
}
