import type { Backend } from "#shared/definition/backend.ts";

/** What one fetch brought: a whole list, or why there is none. */
export type Fetched =
  | { readonly ok: true; readonly backends: readonly Backend[] }
  | {
      readonly ok: false;
      /** Stable: `timeout`, `unreachable`, `bad-answer`, `too-big` … */
      readonly code: string;
      /** For people; never holds a secret of the source. */
      readonly detail: string;
    };

/**
 * Asks one source once. Never rejects. An aborted signal ends it early, with any outcome; nothing
 * it started is left running then.
 */
export type Fetch = (signal: AbortSignal) => Promise<Fetched>;
