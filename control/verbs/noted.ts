import type { Transaction } from "../storage/database.ts";
import { insertAudit } from "../storage/queries/audit.ts";
import type { Actor } from "./actor.ts";

/** What was done, for the audit. */
export interface Deed {
  /** `noun.verb`, such as `balancer.update`. */
  readonly action: string;
  /** Id of what it was done to. */
  readonly target: string;
  readonly beforeHash?: string;
  readonly afterHash?: string;
}

/** Writes the audit's row, in the transaction of the deed. */
export function noteDeed(tx: Transaction, actor: Actor, deed: Deed): Promise<void> {
  return insertAudit(tx, {
    tenantId: actor.tenantId,
    actor: actor.keyId,
    requestId: actor.requestId,
    address: actor.address,
    ...deed,
  });
}
