import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";
import type { GroupRecord } from "./create.ts";

export type ListGroupsOutcome = Page<GroupRecord>;

/** The tenant's groups, oldest first. Scope `read`. */
export declare function listGroups(
  deps: VerbDeps,
  actor: Actor,
  input: PageRequest,
): Promise<ListGroupsOutcome>;
