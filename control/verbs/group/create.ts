import type { GroupId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { Invalid, LimitReached, Mismatch, NameTaken } from "../outcomes.ts";

/** A group of nodes. */
export interface GroupRecord {
  readonly id: GroupId;
  readonly name: string;
  /** The last revision that touched it; 0 before the first. */
  readonly rev: number;
  readonly createdAtMs: number;
}

export type CreateGroupOutcome =
  | { readonly kind: "created"; readonly group: GroupRecord }
  | Invalid
  | LimitReached
  | NameTaken
  | Mismatch;

/** Makes an empty group. Scope `write`. */
export declare function createGroup(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly name: string },
): Promise<CreateGroupOutcome>;
