import type { DiscoveryKind } from "#shared/definition/discovery/discovery.ts";

/** A source of backends at one moment. Moments are wall-clock milliseconds since 1970. */
export interface SourceStatus {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  readonly kind: DiscoveryKind;
  /** `waiting`: it has not answered yet. */
  readonly state: "waiting" | "fresh" | "failing";
  /** Whether its stream of events stands; null for a kind that has none. */
  readonly isWatched: boolean | null;
  /** Why its stream of events ended last; null while it stands. */
  readonly watchProblem: string | null;
  /** Backends of its last good answer. */
  readonly backends: number;
  readonly skipped: number;
  readonly lastSuccessMs: number | null;
  /**
   * While it goes by an answer from before the agent started, or the source was changed: when that
   * was given. Null once it has answered since.
   */
  readonly rememberedMs: number | null;
  readonly lastFailure: {
    readonly atMs: number;
    readonly code: string;
    readonly detail: string;
  } | null;
  /** How long the last fetch took. */
  readonly lastDurationMs: number | null;
  readonly fetches: number;
  readonly failures: number;
}

/** What happened to a source. */
export type SourceEvent =
  | { readonly kind: "discovery.failed"; readonly code: string; readonly detail: string }
  /** The first good answer after a failure. */
  | { readonly kind: "discovery.recovered"; readonly backends: number }
  | { readonly kind: "discovery.skipped"; readonly count: number; readonly detail: string };
