/** What a check found. `detail` says why it failed, from a closed list or a system error code. */
export type ProbeResult =
  | { readonly ok: true; readonly tookMs: number }
  | { readonly ok: false; readonly tookMs: number; readonly detail: string };

/** Whom to check. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * One check of one target. Settles within `timeoutMs` of the clock's time, never rejects, and
 * leaves nothing open; an aborted signal ends it early, with any result.
 */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<ProbeResult>;
