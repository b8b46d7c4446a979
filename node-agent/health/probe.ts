/**
 * What a check found. `detail` says why, from a closed list or a system error code. `none`: the
 * check says nothing about the backend, for example because this host could not ask.
 */
export type ProbeResult =
  | { readonly verdict: "passed"; readonly tookMs: number }
  | { readonly verdict: "failed" | "none"; readonly tookMs: number; readonly detail: string };

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
