import type { ApiKeyId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";

export type RevokeApiKeyOutcome = { readonly kind: "revoked" } | NotFound;

/** Ends a key or a session at once; doing it again changes nothing. Scope `admin`. */
export declare function revokeApiKey(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly id: ApiKeyId },
): Promise<RevokeApiKeyOutcome>;
