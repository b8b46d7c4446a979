import type { ApiKeyId, TenantId } from "#shared/base/ids.ts";

import type { VerbDeps } from "../actor.ts";

export interface LogInInput {
  readonly email: string;
  readonly password: string;
  /** Which tenant, when the user belongs to several; the oldest membership otherwise. */
  readonly tenantId?: TenantId;
  readonly requestId: string;
  readonly address: string;
}

export type LogInOutcome =
  | {
      readonly kind: "logged-in";
      readonly tenant: { readonly id: TenantId; readonly name: string };
      /** Used like an API key, for a limited time. */
      readonly session: {
        readonly id: ApiKeyId;
        readonly secret: string;
        readonly expiresAtMs: number;
      };
    }
  /** Wrong password, unknown address or no such membership: nobody can tell which. */
  | { readonly kind: "refused" }
  /** Too many passwords are being checked at this moment. */
  | { readonly kind: "busy" };

/** A session from an address and a password. */
export declare function logIn(deps: VerbDeps, input: LogInInput): Promise<LogInOutcome>;
