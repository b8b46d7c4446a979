import type { Backend } from "#shared/definition/backend.ts";

/** What one fetch brought: a whole list, or why there is none. */
export type Fetched = FetchedList | FailedFetch;

export interface FetchedList {
  readonly ok: true;
  readonly backends: readonly Backend[];
  /** Parts of the answer that no backend could be made of. */
  readonly skipped?: Skipped;
  /** How long this list holds, in milliseconds: asked again then, not after the interval. */
  readonly againMs?: number;
  /** Something is about to come, such as the address of a new container: asked again soon. */
  readonly isUnsettled?: boolean;
}

export interface FailedFetch {
  readonly ok: false;
  /** Stable: `timeout`, `unreachable`, `bad-answer`, `too-big` … */
  readonly code: string;
  /** For people; never holds a secret of the source. */
  readonly detail: string;
  /** The source did answer, but names nothing to use: what it announces is followed at once. */
  readonly isAnswered?: boolean;
  /** What it names is about to be usable: asked again soon. */
  readonly isUnsettled?: boolean;
}

export interface Skipped {
  readonly count: number;
  /** What was wrong with the first of them; never holds a secret of the source. */
  readonly detail: string;
}

/**
 * Asks one source once. Never rejects. An aborted signal ends it early, with any outcome; nothing
 * it started is left running then.
 */
export type Fetch = (signal: AbortSignal) => Promise<Fetched>;

/** What a watch hears: the stream stands and misses nothing from now on, or something changed. */
export type Announce = (what: "standing" | "changed") => void;

/**
 * Listens to one source until the stream ends or the signal aborts, and resolves with why it ended.
 * It only says that something changed; what there is now, a fetch says. Never rejects.
 */
export type Watch = (announce: Announce, signal: AbortSignal) => Promise<FailedFetch>;

/** One source of backends. */
export interface DiscoverySource {
  readonly fetch: Fetch;
  /** For sources that announce their changes. */
  readonly watch?: Watch;
}

export function failedFetch(code: string, detail: string): FailedFetch {
  return { ok: false, code, detail };
}

/** An answer that names so many entries, and none can be used: why the first of them cannot. */
export function unusableAnswer(count: number, first: string): FailedFetch {
  const detail = `it names ${count}, and none can be used: ${first}`;
  return { ...failedFetch("unusable", detail), isAnswered: true };
}

/** What came of a defect of ours. The text of such an error may hold anything, a secret too. */
export function unexpectedEnd(error: unknown): FailedFetch {
  const name = error instanceof Error ? error.name : typeof error;
  return failedFetch("failed", `it ended with an unexpected ${name}`);
}
