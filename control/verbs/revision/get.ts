import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import type { RevisionRecord } from "./revision-record.ts";

export type GetRevisionOutcome =
  | { readonly kind: "found"; readonly revision: RevisionRecord }
  | NotFound;

/** One revision. Scope `read`. */
export declare function getRevision(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly rev: number },
): Promise<GetRevisionOutcome>;
