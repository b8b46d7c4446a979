import type { Clock } from "#shared/base/clock.ts";

/** Why the process ends. */
export type Ending =
  /** What it was started for is done. */
  | { readonly kind: "done" }
  | { readonly kind: "signal"; readonly name: "SIGTERM" | "SIGINT" | "SIGHUP" }
  /** The process that started it is gone. */
  | { readonly kind: "orphaned" }
  /** Something that it cannot do without failed. */
  | { readonly kind: "trouble"; readonly error: unknown };

/** Waits for the first reason to end. */
export interface EndingWatch {
  readonly happened: Promise<Ending>;
  /** Whether it has happened: nothing new is taken from then on. */
  readonly isEnding: () => boolean;
  /** Ends for this reason, unless it ends for another already. */
  readonly end: (ending: Ending) => void;
}

/** npm passes on a Ctrl-C that the terminal has sent here as well: one key, two signals. */
const echoMsMax = 1_000;

/** `atOnce` is called for a further signal: whoever asks again does not want to wait. */
export function watchEnding(clock: Clock, atOnce: () => void): EndingWatch {
  const first = Promise.withResolvers<Ending>();
  let endingSinceMs: number | undefined;
  return {
    happened: first.promise,
    isEnding: () => endingSinceMs !== undefined,
    end: (ending) => {
      const nowMs = clock.monotonicMs();
      if (endingSinceMs !== undefined && isRepeated(ending, nowMs - endingSinceMs)) atOnce();
      endingSinceMs ??= nowMs;
      first.resolve(ending);
    },
  };
}

function isRepeated(ending: Ending, sinceMs: number): boolean {
  if (ending.kind !== "signal") return false;
  return ending.name === "SIGTERM" || sinceMs > echoMsMax;
}
