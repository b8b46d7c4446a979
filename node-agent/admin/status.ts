import type { Version } from "#shared/snapshot/version.ts";

/** Where the agent is in its life. */
export type AgentPhase =
  /** Nothing was applied yet. */
  | "waiting"
  | "serving"
  /** No worker is left: nobody accepts. */
  | "halted"
  | "draining";

/** What the local status tells: everything a person on this host may ask first. */
export interface AgentStatus {
  readonly phase: AgentPhase;
  readonly agent: {
    readonly version: string;
    /** Which engine moves the bytes. */
    readonly driver: string;
    readonly pid: number;
    readonly uptimeMs: number;
  };
  readonly workers: {
    readonly wanted: number;
    /** Those that are there; without any nothing is served. */
    readonly present: number;
    /** Why the last one was lost; null while none was. */
    readonly lastLoss: string | null;
  };
  readonly restarts: RestartsView;
  readonly node: {
    readonly id: string;
    readonly group: string;
    readonly control: string;
  };
  readonly link: {
    /** `open` when the control plane is reached. */
    readonly stage: string;
    /** Links that stood so far. */
    readonly opened: number;
  };
  readonly snapshot: {
    readonly version: Version | null;
    /** False when the disk refused it: a restart would serve an older one. */
    readonly durable: boolean;
    /** The version that was given up because the agent kept ending on it. */
    readonly reverted: Version | null;
  };
  /** Lines of access logs so far; null when this node writes none. */
  readonly accessLog: {
    readonly written: number;
    /** Left out, because workers or the output could not keep up. */
    readonly dropped: number;
  } | null;
  readonly balancers: readonly BalancerView[];
}

/** Restarts in which one process took the place of another. */
export interface RestartsView {
  /** Agents in a row that have handed over, up to this one. */
  readonly handovers: number;
  /** The one before, while it drains. */
  readonly predecessor: { readonly pid: number; readonly connections: number } | null;
  /** Restarts of this process that were tried in vain, and why the last one was. */
  readonly failed: number;
  readonly lastFailure: string | null;
}

export interface BalancerView {
  readonly id: string;
  readonly name: string;
  readonly bind: readonly string[];
  /** `failing` may still serve, in its last good form; `draining` was removed and has connections. */
  readonly state: "serving" | "failing" | "draining";
  readonly problems: readonly ProblemView[];
  readonly activeConnections: number;
  readonly backends: readonly BackendView[];
  readonly sources: readonly SourceView[];
  readonly certificates: CertificatesView;
  readonly unserved: UnservedView;
}

/** What a balancer did not serve since it began on this node, by reason. */
export interface UnservedView {
  /** Clients that got no backend, by the reason that they were closed with. */
  readonly turnedAway: Readonly<Record<string, number>>;
  /** UDP sessions that made room for others. */
  readonly sessionsEvicted: number;
  readonly datagramsDropped: Readonly<Record<string, number>>;
}

export interface ProblemView {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** The certificates of a balancer's TLS. */
export interface CertificatesView {
  /**
   * Why what was read last cannot be used: what was read before is used on. And what this engine does
   * not show to anybody (`not-shown`). Empty when all is well.
   */
  readonly problems: readonly ProblemView[];
  /** When those in use are over; wall-clock milliseconds since 1970. */
  readonly ends: readonly { readonly pointer: string; readonly notAfterMs: number }[];
}

/** Where backends come from. Moments are wall-clock milliseconds since 1970. */
export interface SourceView {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  readonly kind: string;
  /** `waiting`: it has not answered yet. */
  readonly state: "waiting" | "fresh" | "failing";
  /** Whether its stream of events stands; null for a kind that has none. */
  readonly isWatched: boolean | null;
  readonly watchProblem: string | null;
  /** Backends of its last good answer, and parts of it that were none. */
  readonly backends: number;
  readonly skipped: number;
  readonly lastSuccessMs: number | null;
  /** When the answer was given that it goes by, if that was before the agent started or it was changed. */
  readonly rememberedMs: number | null;
  readonly lastFailure: {
    readonly atMs: number;
    readonly code: string;
    readonly detail: string;
  } | null;
  readonly lastDurationMs: number | null;
  readonly fetches: number;
  readonly failures: number;
}

export interface BackendView {
  /** `host:port`. */
  readonly name: string;
  readonly live: boolean;
  /** Left out for a while, because dials to it failed. */
  readonly ejected: boolean;
  /** `disabled`, `draining` and `cut` get no new connections, by the word of whoever manages it. */
  readonly state: "enabled" | "disabled" | "draining" | "cut";
  readonly activeConnections: number;
  /** The last results of its checks, newest first. */
  readonly checks: readonly CheckView[];
}

export interface CheckView {
  /** When it ended; wall-clock milliseconds since 1970. */
  readonly atMs: number;
  /** `none`: it said nothing about the backend. */
  readonly verdict: "passed" | "failed" | "none";
  readonly tookMs: number;
  /** Why it did not pass; empty when it did. */
  readonly detail: string;
}
