import type { Actor, VerbDeps } from "../actor.ts";
import type { Invalid, LimitReached, Mismatch } from "../outcomes.ts";
import type { JoinTokenRecord } from "./join-token-record.ts";

export interface CreateJoinTokenInput {
  /** The group's name, `default` when absent. */
  readonly group?: string;
  /** How many nodes may join with it, 1 when absent. */
  readonly uses?: number;
  /** An hour when absent. */
  readonly ttlMs?: number;
}

export type CreateJoinTokenOutcome =
  | {
      readonly kind: "created";
      readonly joinToken: JoinTokenRecord;
      /** Shown once. */
      readonly token: string;
    }
  | Invalid
  | LimitReached
  | Mismatch;

/** Makes a token that lets nodes join a group. Scope `nodes`. */
export declare function createJoinToken(
  deps: VerbDeps,
  actor: Actor,
  input: CreateJoinTokenInput,
): Promise<CreateJoinTokenOutcome>;
