import type { CertificateId } from "#shared/base/ids.ts";

import type { Transaction } from "../../storage/database.ts";
import {
  certificateNamed,
  certificateOfTenant,
  updateCertificateRow,
  usersOfCertificates,
  type CertificateRow,
  type CertificateUser,
} from "../../storage/queries/certificates.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { staleness, type Expected, type Stale } from "../expected.ts";
import type { Invalid, NameTaken, NotFound } from "../outcomes.ts";
import { commitRevision } from "../revision/commit-revision.ts";
import { kept, transact, undone, type Ended } from "../transact.ts";
import { checkRenewal, type CheckedCertificate } from "./certificate-input.ts";
import { certificateRecordOf, type CertificateRecord } from "./certificate-record.ts";
import { sealPair } from "./seal-key.ts";

export interface UpdateCertificateInput {
  readonly id: CertificateId;
  /** As it came, unchecked. */
  readonly body: unknown;
  readonly expected: Expected;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type UpdateCertificateOutcome =
  | {
      readonly kind: "updated";
      readonly dryRun: boolean;
      readonly revision: number;
      readonly certificate: CertificateRecord;
    }
  /** It is the very certificate that is kept already: no revision was made. */
  | { readonly kind: "unchanged"; readonly certificate: CertificateRecord }
  | Invalid
  | NameTaken
  | NotFound
  | Stale;

/**
 * Puts another certificate in the place of one: a new revision, which goes to the nodes of every
 * balancer that names it. The key that it had is gone. Scope `write`.
 */
export async function updateCertificate(
  deps: VerbDeps,
  actor: Actor,
  input: UpdateCertificateInput,
): Promise<UpdateCertificateOutcome> {
  requireScope(actor, "write");
  const checked = checkRenewal(input.body, deps.clock.nowMs());
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  return transact<UpdateCertificateOutcome>(deps, actor, async (tx) => {
    const rev = await nextRevision(tx, actor.tenantId);
    const before = await certificateOfTenant(tx, actor.tenantId, input.id);
    if (before === undefined) return undone({ kind: "not-found" });
    const stale = staleness(before, input.expected);
    if (stale !== undefined) return undone(stale);
    const ended = await replace(deps, { tx, actor, rev }, { before, ...checked.value });
    if (ended.outcome.kind !== "updated" || !input.dryRun) return ended;
    return undone({ ...ended.outcome, dryRun: true });
  });
}

interface Place {
  readonly tx: Transaction;
  readonly actor: Actor;
  readonly rev: number;
}

interface Renewal extends CheckedCertificate<string | undefined> {
  readonly before: CertificateRow;
}

async function replace(
  deps: VerbDeps,
  place: Place,
  renewal: Renewal,
): Promise<Ended<UpdateCertificateOutcome>> {
  const { tx, actor } = place;
  const { before } = renewal;
  const name = renewal.name ?? before.name;
  const users = await usersOfCertificates(tx, actor.tenantId, [before.id]);
  // The key belongs to the certificate: where that is the same, so is the key.
  const isSame = renewal.pair.details.chainHash === before.details.chainHash;
  if (isSame && name === before.name) {
    return undone({ kind: "unchanged", certificate: certificateRecordOf(before, users) });
  }
  const holder = await certificateNamed(tx, actor.tenantId, name);
  if (holder !== undefined && holder !== before.id) return undone({ kind: "name-taken", name });
  return store(deps, place, { ...renewal, name, users });
}

interface NamedRenewal extends CheckedCertificate<string> {
  readonly before: CertificateRow;
  readonly users: readonly CertificateUser[];
}

async function store(
  deps: VerbDeps,
  place: Place,
  { before, users, name, pair }: NamedRenewal,
): Promise<Ended<UpdateCertificateOutcome>> {
  const { tx, actor, rev } = place;
  const { tenantId } = actor;
  const { body, keyId, sealedKey } = await sealPair(deps, actor, pair);
  const { hash } = body;
  const row = await updateCertificateRow(
    tx,
    { tenantId, id: before.id },
    { name, hash, details: pair.details, keyId, sealedKey, revUpdated: rev },
  );
  const groups = [...new Set(users.map(({ group }) => group))];
  const change = { certificate: before.id, name, groups, before: before.hash, after: hash };
  const hashes = { beforeHash: before.hash, afterHash: hash };
  const deed = { action: "certificate.update", target: before.id, ...hashes };
  await commitRevision(deps, place, { rev, changes: [], certificates: [change], body, deed });
  const certificate = certificateRecordOf(row, users);
  return kept({ kind: "updated", dryRun: false, revision: rev, certificate });
}
