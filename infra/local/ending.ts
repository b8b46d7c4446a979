import { endText, type Child } from "./child.ts";

/** Why everything ends: somebody asked for it, or something went wrong. */
export type Ending =
  | { readonly kind: "asked" }
  | { readonly kind: "orphaned" }
  | { readonly kind: "trouble"; readonly text: string };

/** The first reason to end, whatever it is; later ones change nothing. */
export interface EndingWatch {
  readonly happened: Promise<Ending>;
  /** Aborted as soon as it happened: nothing may be started from then on. */
  readonly signal: AbortSignal;
  end(ending: Ending): void;
  /** The end of this child is the end of all. */
  watch(child: Child): void;
}

/** Watches for a reason to end. */
export function watchEnding(): EndingWatch {
  const happened = Promise.withResolvers<Ending>();
  const aborting = new AbortController();
  const end = (ending: Ending): void => {
    happened.resolve(ending);
    aborting.abort(new Error("ending"));
  };
  return {
    happened: happened.promise,
    signal: aborting.signal,
    end,
    watch: (child) => {
      void child.ended.then((childEnd) => end({ kind: "trouble", text: endText(childEnd) }));
    },
  };
}
