import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { ApiKeyId, IdSource, TenantId } from "#shared/base/ids.ts";

import type { Sealer } from "../certificates/sealer.ts";
import type { Database } from "../storage/database.ts";
import type { Scope } from "./scopes.ts";
import type { Passwords } from "./tenant/password.ts";

/** Who asks: an API key or a session, and the request it asks with. */
export interface Actor {
  readonly tenantId: TenantId;
  readonly keyId: ApiKeyId;
  readonly scopes: ReadonlySet<Scope>;
  readonly requestId: string;
  /** The client's address, for the audit. */
  readonly address: string;
  /** From `Idempotency-Key`: a verb that was done under it is answered again, not done again. */
  readonly idempotency?: Idempotency;
}

export interface Idempotency {
  /** The caller's key, 1 to 255 characters. */
  readonly key: string;
  /** SHA-256 over method, path and body: the same key with another request is a mistake. */
  readonly fingerprint: string;
}

/** What verbs work with. */
export interface VerbDeps {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Ids, and the random bytes of keys and tokens. */
  readonly ids: IdSource;
  readonly passwords: Passwords;
  /** Whether a commit is announced by NOTIFY; without it the sweep finds the change. */
  readonly doorbell: boolean;
}

/** @throws Fault `verbs/missing-scope` (owner `client`) when the key may not do this */
export function requireScope(actor: Actor, scope: Scope): void {
  if (actor.scopes.has(scope)) return;
  const message = `this needs the scope "${scope}", which the key does not have`;
  throw new Fault({ code: "verbs/missing-scope", owner: "client", message });
}
