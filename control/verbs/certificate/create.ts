import { newId, type CertificateId } from "#shared/base/ids.ts";
import { certificatesPerTenantMax } from "#shared/base/limits.ts";

import type { Transaction } from "../../storage/database.ts";
import {
  certificateNamed,
  countCertificatesOfTenant,
  insertCertificate,
} from "../../storage/queries/certificates.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import type { CertificateDetails } from "../../storage/tables/certificates.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { transactOnce } from "../idempotent.ts";
import type { Invalid, LimitReached, Mismatch, NameTaken } from "../outcomes.ts";
import { commitRevision } from "../revision/commit-revision.ts";
import { kept, undone, type Ended } from "../transact.ts";
import { checkNewCertificate } from "./certificate-input.ts";
import { certificateRecordOf, type CertificateRecord } from "./certificate-record.ts";
import { sealPair, type SealedPair } from "./seal-key.ts";

export interface CreateCertificateInput {
  /** As it came, unchecked. */
  readonly body: unknown;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type CreateCertificateOutcome =
  | {
      readonly kind: "created";
      readonly dryRun: boolean;
      readonly revision: number;
      readonly certificate: CertificateRecord;
    }
  | Invalid
  | LimitReached
  | NameTaken
  | Mismatch;

/** Keeps a certificate and its key: a new revision. Scope `write`. */
export async function createCertificate(
  deps: VerbDeps,
  actor: Actor,
  input: CreateCertificateInput,
): Promise<CreateCertificateOutcome> {
  requireScope(actor, "write");
  const checked = checkNewCertificate(input.body, deps.clock.nowMs());
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  const { name, pair } = checked.value;
  const sealed = await sealPair(deps, actor, pair);
  const id = newId("crt", deps.ids);
  return transactOnce(deps, actor, async (tx) => {
    const fresh = { id, name, details: pair.details, sealed };
    const ended = await storeNew(deps, { tx, actor }, fresh);
    if (ended.outcome.kind !== "created" || !input.dryRun) return ended;
    return undone({ ...ended.outcome, dryRun: true });
  });
}

interface NewCertificate {
  readonly id: CertificateId;
  readonly name: string;
  readonly details: CertificateDetails;
  readonly sealed: SealedPair;
}

async function storeNew(
  deps: VerbDeps,
  { tx, actor }: { readonly tx: Transaction; readonly actor: Actor },
  { id, name, details, sealed }: NewCertificate,
): Promise<Ended<CreateCertificateOutcome>> {
  const { tenantId } = actor;
  const rev = await nextRevision(tx, tenantId);
  if ((await countCertificatesOfTenant(tx, tenantId)) >= certificatesPerTenantMax) {
    return undone({ kind: "limit-reached", what: "certificates", max: certificatesPerTenantMax });
  }
  if ((await certificateNamed(tx, tenantId, name)) !== undefined) {
    return undone({ kind: "name-taken", name });
  }
  const { body, keyId, sealedKey } = sealed;
  const { hash } = body;
  const revs = { revCreated: rev, revUpdated: rev };
  const values = { tenantId, id, name, hash, details, keyId, sealedKey, ...revs };
  const row = await insertCertificate(tx, values);
  const change = { certificate: id, name, groups: [], before: null, after: hash };
  const deed = { action: "certificate.create", target: id, afterHash: hash };
  await commitRevision(
    deps,
    { tx, actor },
    { rev, changes: [], certificates: [change], body, deed },
  );
  const certificate = certificateRecordOf(row, []);
  return kept({ kind: "created", dryRun: false, revision: rev, certificate });
}
