import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";
import type { ApiKeyRecord } from "./api-key-record.ts";

export type ListApiKeysOutcome = Page<ApiKeyRecord>;

/** The tenant's keys and sessions, oldest first, revoked ones too. Scope `admin`. */
export declare function listApiKeys(
  deps: VerbDeps,
  actor: Actor,
  input: PageRequest,
): Promise<ListApiKeysOutcome>;
