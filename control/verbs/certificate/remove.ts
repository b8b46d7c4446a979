import type { CertificateId } from "#shared/base/ids.ts";

import {
  certificateOfTenant,
  deleteCertificate,
  usersOfCertificates,
} from "../../storage/queries/certificates.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { staleness, type Expected, type Stale } from "../expected.ts";
import type { InUse, NotFound } from "../outcomes.ts";
import { commitRevision } from "../revision/commit-revision.ts";
import { kept, transact, undone } from "../transact.ts";

export interface RemoveCertificateInput {
  readonly id: CertificateId;
  readonly expected: Expected;
  /** Checks and answers as if, removes nothing. */
  readonly dryRun: boolean;
}

export type RemoveCertificateOutcome =
  | { readonly kind: "removed"; readonly dryRun: boolean; readonly revision: number }
  | InUse
  | NotFound
  | Stale;

/** Removes a certificate that no balancer names, and its key for good: a new revision. Scope `write`. */
export async function removeCertificate(
  deps: Pick<VerbDeps, "database" | "doorbell">,
  actor: Actor,
  input: RemoveCertificateInput,
): Promise<RemoveCertificateOutcome> {
  requireScope(actor, "write");
  const { tenantId } = actor;
  return transact<RemoveCertificateOutcome>(deps, actor, async (tx) => {
    const rev = await nextRevision(tx, tenantId);
    const row = await certificateOfTenant(tx, tenantId, input.id);
    if (row === undefined) return undone({ kind: "not-found" });
    const stale = staleness(row, input.expected);
    if (stale !== undefined) return undone(stale);
    const users = await usersOfCertificates(tx, tenantId, [row.id]);
    if (users.length > 0) {
      return undone({ kind: "in-use", balancers: users.map(({ id, name }) => ({ id, name })) });
    }
    await deleteCertificate(tx, tenantId, row.id);
    const { id, name, hash } = row;
    const change = { certificate: id, name, groups: [], before: hash, after: null };
    const deed = { action: "certificate.remove", target: id, beforeHash: hash };
    await commitRevision(deps, { tx, actor }, { rev, changes: [], certificates: [change], deed });
    const outcome = { kind: "removed", dryRun: input.dryRun, revision: rev } as const;
    return input.dryRun ? undone(outcome) : kept(outcome);
  });
}
