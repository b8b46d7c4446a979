import type { Clock } from "#shared/base/clock.ts";
import type { NodeId, SecretId, TenantId } from "#shared/base/ids.ts";
import type { SealedSecret } from "#shared/snapshot/sealed.ts";
import type { Signer } from "#shared/snapshot/signature.ts";

import type { Log } from "../log.ts";
import type { Database } from "../storage/database.ts";

/** A node that receives secrets. */
export interface Recipient {
  readonly nodeId: NodeId;
  /** Its X25519 public key, base64url. */
  readonly receivingKey: string;
}

/**
 * Seals a tenant's secrets so that only this node can open them; signed.
 * Rejects when one does not exist or cannot be opened.
 */
export type SealForNode = (
  tenantId: TenantId,
  recipient: Recipient,
  secretIds: readonly SecretId[],
) => Promise<Readonly<Record<string, SealedSecret>>>;

/** What publishing works with. */
export interface PublisherDeps {
  readonly database: Database;
  readonly signer: Signer;
  readonly sealForNode: SealForNode;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Whether to listen for the doorbell; without it only the sweep finds changes. */
  readonly doorbell: boolean;
}
