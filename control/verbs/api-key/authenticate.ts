import type { ApiKeyId, TenantId } from "#shared/base/ids.ts";

import type { VerbDeps } from "../actor.ts";
import type { Scope } from "../scopes.ts";

/** Whose key it is, and what it may do. */
export interface Authenticated {
  readonly tenantId: TenantId;
  readonly keyId: ApiKeyId;
  readonly scopes: ReadonlySet<Scope>;
}

/** Whom a bearer secret belongs to; undefined when it is unknown, revoked or over. */
export declare function authenticate(
  deps: Pick<VerbDeps, "database">,
  secret: string,
): Promise<Authenticated | undefined>;
