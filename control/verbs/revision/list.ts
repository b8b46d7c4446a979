import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";
import type { RevisionRecord } from "./revision-record.ts";

export type ListRevisionsOutcome = Page<RevisionRecord>;

/** The tenant's revisions, newest first. Scope `read`. */
export declare function listRevisions(
  deps: VerbDeps,
  actor: Actor,
  input: PageRequest,
): Promise<ListRevisionsOutcome>;
