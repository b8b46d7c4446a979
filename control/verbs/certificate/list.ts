import { parseId, type CertificateId } from "#shared/base/ids.ts";

import { certificatesOfTenant, usersOfCertificates } from "../../storage/queries/certificates.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";
import { certificateRecordOf, type CertificateRecord } from "./certificate-record.ts";

const listing: Listing<CertificateRecord, CertificateId> = {
  name: "certificates",
  parse: (text) => parseId("crt", text),
  placeOf: (record) => record.id,
};

/** The tenant's certificates, oldest first. Scope `read`. */
export async function listCertificates(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: PageRequest,
): Promise<Page<CertificateRecord>> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  return pageOf(listing, input, (after, limit) =>
    deps.database.asTenant(tenantId, async (tx) => {
      const rows = await certificatesOfTenant(tx, tenantId, { after, limit });
      const ids = rows.map(({ id }) => id);
      const users = await usersOfCertificates(tx, tenantId, ids);
      return rows.map((row) => certificateRecordOf(row, users));
    }),
  );
}
