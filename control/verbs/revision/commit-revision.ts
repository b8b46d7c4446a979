import type { Balancer } from "#shared/definition/balancer.ts";
import type { CertificateBody } from "#shared/definition/certificate-body.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import type { Transaction } from "../../storage/database.ts";
import { insertRevision, type Body, type RevisionRow } from "../../storage/queries/revisions.ts";
import type { CertificateChange, RevisionChange } from "../../storage/tables/revisions.ts";
import type { Actor, VerbDeps } from "../actor.ts";
import type { Deed } from "../noted.ts";

/** What a revision does; the rows of the balancers are written already. */
export interface NewRevision {
  readonly rev: number;
  readonly changes: readonly RevisionChange[];
  /** None unless given. */
  readonly certificates?: readonly CertificateChange[];
  /** It took a confirmation that so much goes; false unless given. */
  readonly confirmed?: boolean;
  /** The body that the changes name and that may be new. */
  readonly body?: Body;
  readonly deed: Deed;
}

/** Writes the revision with all that belongs to it, in the transaction of the change. */
export function commitRevision(
  deps: Pick<VerbDeps, "doorbell">,
  { tx, actor }: { readonly tx: Transaction; readonly actor: Actor },
  { rev, changes, certificates = [], confirmed = false, body, deed }: NewRevision,
): Promise<RevisionRow> {
  const { tenantId, keyId, requestId, address } = actor;
  const { action, ...target } = deed;
  const audit = { ...target, requestId, address };
  const { doorbell } = deps;
  return insertRevision(tx, {
    tenantId,
    rev,
    actor: keyId,
    action,
    changes,
    certificates,
    confirmed,
    body,
    audit,
    doorbell,
  });
}

/** The body of a definition or a certificate: the text that nodes get; its hash is the manifest's. */
export function bodyOf(definition: Balancer | CertificateBody): Body {
  const body = canonicalJson(definition);
  return { body, hash: sha256Hex(body) };
}
