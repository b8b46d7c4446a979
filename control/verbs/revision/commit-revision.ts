import type { Balancer } from "#shared/definition/balancer.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import type { Transaction } from "../../storage/database.ts";
import { insertBodies, type Body } from "../../storage/queries/bodies.ts";
import { insertRevision, ringDoorbell, type RevisionRow } from "../../storage/queries/revisions.ts";
import type { RevisionChange } from "../../storage/tables/revisions.ts";
import type { Actor, VerbDeps } from "../actor.ts";
import { noteDeed, type Deed } from "../noted.ts";

/** What a revision does; the rows of the balancers are written already. */
export interface NewRevision {
  readonly rev: number;
  readonly changes: readonly RevisionChange[];
  /** Bodies that the changes name and that may be new. */
  readonly bodies: readonly Body[];
  readonly deed: Deed;
}

/** Writes the revision with all that belongs to it, in the transaction of the change. */
export async function commitRevision(
  deps: Pick<VerbDeps, "doorbell">,
  { tx, actor }: { readonly tx: Transaction; readonly actor: Actor },
  revision: NewRevision,
): Promise<RevisionRow> {
  const { rev, changes, deed } = revision;
  const { tenantId } = actor;
  await insertBodies(tx, tenantId, revision.bodies);
  const row = await insertRevision(tx, {
    tenantId,
    rev,
    actor: actor.keyId,
    action: deed.action,
    changes,
  });
  await noteDeed(tx, actor, deed);
  if (deps.doorbell) await ringDoorbell(tx, tenantId);
  return row;
}

/** A definition's body: the text that nodes get, and its hash, which is the manifest's. */
export function bodyOf(definition: Balancer): Body {
  const body = canonicalJson(definition);
  return { body, hash: sha256Hex(body) };
}
