import { networkInterfaces } from "node:os";

import { errorText } from "#shared/base/fault.ts";
import { canonicalAddress } from "#shared/definition/host.ts";

/** The addresses of this host's network interfaces, in their one spelling and without zones. */
export type HostAddresses =
  | { readonly ok: true; readonly addresses: ReadonlySet<string> }
  /** The system does not tell, for want of descriptors for example. */
  | { readonly ok: false; readonly detail: string };

/** Asks the system for them. */
export function hostAddresses(): HostAddresses {
  try {
    const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
    return { ok: true, addresses: new Set(all.map(({ address }) => canonicalAddress(address))) };
  } catch (error) {
    return { ok: false, detail: errorText(error) };
  }
}
