import type { ApiKeyId, TenantId } from "#shared/base/ids.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import { apiKeyByHash } from "../../storage/queries/key-lookup.ts";
import type { VerbDeps } from "../actor.ts";
import { isScope, type Scope } from "../scopes.ts";

/** Whose key it is, and what it may do. */
export interface Authenticated {
  readonly tenantId: TenantId;
  readonly keyId: ApiKeyId;
  readonly scopes: ReadonlySet<Scope>;
}

/** The shape of an API key or a session: anything else is not worth a look into the database. */
const secretShape = /^ms[ks]_[\w-]{43}$/;

/** Whom a bearer secret belongs to; undefined when it is unknown, revoked or over. */
export async function authenticate(
  deps: Pick<VerbDeps, "database">,
  secret: string,
): Promise<Authenticated | undefined> {
  if (!secretShape.test(secret)) return undefined;
  const owner = await deps.database.asSystem((tx) => apiKeyByHash(tx, sha256Hex(secret)));
  if (owner === undefined) return undefined;
  return { ...owner, scopes: new Set(owner.scopes.filter(isScope)) };
}
