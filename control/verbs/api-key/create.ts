import type { Actor, VerbDeps } from "../actor.ts";
import type { Invalid, LimitReached, Mismatch } from "../outcomes.ts";
import type { ApiKeyRecord } from "./api-key-record.ts";

export interface CreateApiKeyInput {
  readonly name: string;
  /** Only scopes that the actor has itself. */
  readonly scopes: readonly string[];
  /** Absent: it does not expire. */
  readonly ttlMs?: number;
}

export type CreateApiKeyOutcome =
  | {
      readonly kind: "created";
      readonly apiKey: ApiKeyRecord;
      /** Shown once. */
      readonly secret: string;
    }
  | Invalid
  | LimitReached
  | Mismatch;

/** Makes a key. Scope `admin`. */
export declare function createApiKey(
  deps: VerbDeps,
  actor: Actor,
  input: CreateApiKeyInput,
): Promise<CreateApiKeyOutcome>;
