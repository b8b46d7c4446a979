/** Numbers chosen by whoever listens. */
export type ListenerId = number;

export type ListenOutcome =
  /** `port` is 0 for a Unix socket. */
  | { readonly ok: true; readonly port: number }
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` … */
  | { readonly ok: false; readonly code: string; readonly detail: string };

/** Who connected, or sent a datagram, and to which address. Of a Unix socket: empty, and 0. */
export interface Peer {
  /** IPv4 in its own form, also when it arrived at an IPv6 socket. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}
