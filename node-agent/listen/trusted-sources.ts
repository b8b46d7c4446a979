import { createAccessList } from "./access-list.ts";

/** From whom PROXY headers are taken, as definitions have it. */
export interface TrustedSources {
  /** In CIDR notation. */
  readonly networks: readonly string[];
  /** Whoever comes by a Unix socket. */
  readonly unix: boolean;
}

/** Whether the one with this address (4, 16 or, of a Unix socket, no bytes) may announce another. */
export type Trusts = (address: Uint8Array) => boolean;

/** Prepares the networks: O(n log n). */
export function createTrust({ networks, unix }: TrustedSources): Trusts {
  const rules = networks.map((network) => ({ action: "allow" as const, network }));
  const list = createAccessList({ default: "deny", rules });
  return (address) => (address.length === 0 ? unix : list.allows(address));
}
