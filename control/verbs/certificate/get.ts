import type { CertificateId } from "#shared/base/ids.ts";

import { certificateOfTenant, usersOfCertificates } from "../../storage/queries/certificates.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import { certificateRecordOf, type CertificateRecord } from "./certificate-record.ts";

export type GetCertificateOutcome =
  | { readonly kind: "found"; readonly certificate: CertificateRecord }
  | NotFound;

/** One certificate, without its key. Scope `read`. */
export async function getCertificate(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: { readonly id: CertificateId },
): Promise<GetCertificateOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  return deps.database.asTenant(tenantId, async (tx) => {
    const row = await certificateOfTenant(tx, tenantId, input.id);
    if (row === undefined) return { kind: "not-found" };
    const users = await usersOfCertificates(tx, tenantId, [row.id]);
    return { kind: "found", certificate: certificateRecordOf(row, users) };
  });
}
