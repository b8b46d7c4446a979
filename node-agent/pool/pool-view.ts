/** A backend that can be elected: live, and named by its discovery. */
export interface Candidate {
  /** `host:port`, IPv6 in brackets, or `unix:/path`: unique in its pool, and what statistics call it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
  /** Concurrent connections, those being dialled included; 0 is without limit. */
  readonly maxConnections: number;
  /** Host name, or pattern, of the TLS clients it serves; empty without one. */
  readonly sni: string;
  /** Application protocols of the clients it serves; undefined serves those of any. */
  readonly alpn: readonly string[] | undefined;
  /** False gets no PROXY header, whatever the balancer says. */
  readonly takesProxyHeader: boolean;
  /** Its place in the order of names, from 0. */
  readonly place: number;
  readonly slot: SlotRef;
  /** Monotonic time since which it is live without a break; -Infinity of the first backends there were. */
  readonly liveSinceMs: number;
}

/** Where a row of the shared counters lies, and which of the slot's uses is meant. */
export interface SlotRef {
  readonly index: number;
  readonly generation: number;
}

/** One 32-bit number for a reference; two uses of a slot share one only 65,536 uses apart. */
export function slotKey({ index, generation }: SlotRef): number {
  return (index << 16) | (generation & 0xffff);
}

/**
 * What workers elect from: never changed, only replaced by one with a higher version. A worker may
 * hold an old one for a moment; the slot's generation keeps it from using a backend that has left.
 */
export interface PoolView {
  readonly version: number;
  /** In the order of their names. */
  readonly candidates: readonly Candidate[];
}

export const emptyPool: PoolView = { version: 0, candidates: [] };
