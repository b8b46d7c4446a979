import type { ApiKeyId, TenantId, UserId } from "#shared/base/ids.ts";

import type { VerbDeps } from "../actor.ts";
import type { Invalid } from "../outcomes.ts";

export interface SignUpInput {
  readonly tenant: string;
  readonly email: string;
  readonly password: string;
  readonly requestId: string;
  readonly address: string;
}

export type SignUpOutcome =
  | {
      readonly kind: "signed-up";
      readonly tenant: { readonly id: TenantId; readonly name: string };
      readonly userId: UserId;
      /** Shown once. */
      readonly apiKey: { readonly id: ApiKeyId; readonly secret: string };
    }
  | Invalid
  | { readonly kind: "email-taken" };

/** A new tenant with its first user, its default group and a key with every scope. */
export declare function signUp(deps: VerbDeps, input: SignUpInput): Promise<SignUpOutcome>;
