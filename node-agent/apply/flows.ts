import type { Balancer } from "#shared/definition/balancer.ts";

/** A balancer whose body has been verified: the one input of apply, wherever it comes from. */
export interface VerifiedBalancer {
  readonly id: string;
  /** Hash of the canonical definition: equal hashes mean nothing changed. */
  readonly hash: string;
  readonly definition: Balancer;
  /** Secret values by the id that the definition names. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** A certificate of the control plane, its key in clear: in memory only. */
export interface OpenCertificate {
  /** The leaf first, then its issuers. */
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Where balancers find the certificates that they name by id. */
export interface CertificateShelf {
  get(id: string): OpenCertificate | undefined;
  /** Takes these, for handshakes that begin from then on; others stay. */
  put(certificates: ReadonlyMap<string, OpenCertificate>): void;
  /** Forgets all others. */
  keepOnly(ids: ReadonlySet<string>): void;
}

/** Why a balancer does not run as wanted. */
export interface FlowProblem {
  /** JSON pointer into the definition. */
  readonly pointer: string;
  /** `EADDRINUSE`, `EACCES`, `unsupported`, `denied-by-policy` … */
  readonly code: string;
  readonly detail: string;
}

/** Connections that a step touched. */
export interface TouchedConnections {
  readonly kept: number;
  readonly drained: number;
  readonly cut: number;
}

export type FlowOutcome =
  | { readonly ok: true; readonly connections: TouchedConnections }
  | { readonly ok: false; readonly problems: readonly FlowProblem[] };

/** The data plane as apply sees it. Calls for one balancer never overlap. */
export interface Flows {
  /**
   * Which of its binds a balancer could not take now because of something that is not of this data
   * plane. Takes nothing; binds that get in the way of what runs here are not looked at.
   */
  obstacles(balancer: VerifiedBalancer): Promise<readonly FlowProblem[]>;
  /** Binds and serves. On failure nothing of it is left running. */
  start(balancer: VerifiedBalancer): Promise<FlowOutcome>;
  /**
   * Changes a running balancer in place, to one that speaks the same transport: binds that stay are not
   * touched; established connections and health state survive. On failure it runs on unchanged.
   */
  update(balancer: VerifiedBalancer): Promise<FlowOutcome>;
  /**
   * Stops accepting at once, frees the addresses, and resolves; open connections get
   * `drainTimeoutMs` in the background, then are cut.
   */
  remove(id: string, drainTimeoutMs: number): Promise<FlowOutcome>;
}
