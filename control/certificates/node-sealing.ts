import { setImmediate as nextTurn } from "node:timers/promises";

import { Fault } from "#shared/base/fault.ts";
import type { NodeId, SecretId, TenantId } from "#shared/base/ids.ts";
import { sealedSignedValue, sealFor, type SealedSecret } from "#shared/snapshot/sealed.ts";
import type { Signer } from "#shared/snapshot/signature.ts";

import type { Database } from "../storage/database.ts";
import { secretsOfTenant, type StoredSecret } from "../storage/queries/secrets.ts";
import type { Sealer } from "./sealer.ts";
import { secretContext } from "./secret-context.ts";

/** Secrets that are sealed before other work gets its turn: each takes half a millisecond. */
const sealedPerTurn = 20;

export interface NodeSealingDeps {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly signer: Signer;
}

/** For whom: the node's own key opens, nothing else does. */
export interface Recipient {
  readonly tenantId: TenantId;
  readonly nodeId: NodeId;
  /** The node's X25519 key, base64url of 32 bytes. */
  readonly receivingKey: string;
}

/**
 * The secrets by id, each sealed for one node and signed. The sealing is new every time: a node
 * compares what it opens, not the box.
 *
 * @throws Fault `certificates/secret-missing` when one is not there: a snapshot without a secret it
 *   names must not be sent
 */
export async function sealForNode(
  deps: NodeSealingDeps,
  recipient: Recipient,
  secretIds: readonly SecretId[],
): Promise<Readonly<Record<string, SealedSecret>>> {
  const { tenantId } = recipient;
  const stored = await deps.database.asTenant(tenantId, (tx) =>
    secretsOfTenant(tx, tenantId, secretIds),
  );
  const found = new Map(stored.map((secret) => [secret.id, secret]));
  const sealed: (readonly [string, SealedSecret])[] = [];
  for (let at = 0; at < secretIds.length; at += sealedPerTurn) {
    const ids = secretIds.slice(at, at + sealedPerTurn);
    // oxlint-disable-next-line no-await-in-loop -- between two turns others get theirs
    const boxes = await Promise.all(ids.map((id) => sealOne(deps, recipient, found.get(id) ?? id)));
    sealed.push(...boxes.map((box, index) => [ids[index] ?? "", box] as const));
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (ids.length === sealedPerTurn) await nextTurn();
  }
  return Object.fromEntries(sealed);
}

async function sealOne(
  deps: NodeSealingDeps,
  recipient: Recipient,
  secret: StoredSecret | SecretId,
): Promise<SealedSecret> {
  if (typeof secret === "string") throw missing(secret);
  const plain = await deps.sealer.open(secret.sealed, secretContext(recipient.tenantId, secret.id));
  const target = { node: recipient.nodeId, secret: secret.id };
  const box = sealFor(recipient.receivingKey, target, plain);
  const signature = await deps.signer.sign("midstream.sealed.v1", sealedSignedValue(target, box));
  return { ...box, signature };
}

function missing(id: SecretId): Fault {
  return new Fault({
    code: "certificates/secret-missing",
    owner: "platform",
    message: `the secret ${id} is named by a definition and is not stored`,
  });
}
