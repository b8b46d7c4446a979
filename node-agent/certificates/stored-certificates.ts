/** A certificate and its key as the control plane keeps them, opened for this node. */
export interface StoredCertificate {
  /** The leaf first, then its issuers. */
  readonly certificatePem: string;
  /** In clear. */
  readonly keyPem: string;
}

/** The certificates that this node was sent, by the ids that balancers name. */
export interface StoredCertificates {
  /**
   * Undefined while the node does not have it. A balancer whose certificate is not there cannot
   * start: those of a snapshot are to be there before its balancers are applied.
   */
  get(id: string): StoredCertificate | undefined;
  /**
   * Calls `listener` with the ids that came, changed or went, after `get` says so; what it returns
   * ends that. Balancers that run take a changed one for new handshakes, and keep the one they have
   * when it goes.
   */
  onChange(listener: (ids: ReadonlySet<string>) => void): () => void;
}
