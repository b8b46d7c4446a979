import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";
import type { JoinTokenRecord } from "./join-token-record.ts";

export type ListJoinTokensOutcome = Page<JoinTokenRecord>;

/** The tenant's join tokens, oldest first, used and revoked ones too. Scope `nodes`. */
export declare function listJoinTokens(
  deps: VerbDeps,
  actor: Actor,
  input: PageRequest,
): Promise<ListJoinTokensOutcome>;
