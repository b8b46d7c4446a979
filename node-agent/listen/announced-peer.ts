/** Who connected to whom, as a proxy in front of us tells it. Addresses without brackets or zone. */
export interface AnnouncedPeer {
  /** IPv4 in its own form, also when it was written as mapped into IPv6. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export type ProxyHeader =
  | {
      readonly kind: "header";
      /** What it takes; the client's own bytes follow. */
      readonly length: number;
      /** Undefined when it is about the proxy's own connection, or about no address of IP. */
      readonly peer: AnnouncedPeer | undefined;
    }
  /** It may become one, with so many bytes, which are more than there are. */
  | { readonly kind: "incomplete"; readonly bytesMin: number }
  /** Something else was said. */
  | { readonly kind: "absent" }
  /** It begins as one. `detail` is for logs. */
  | { readonly kind: "invalid"; readonly detail: string };
