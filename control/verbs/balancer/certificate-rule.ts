import type { TenantId } from "#shared/base/ids.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { certificateReferencesOf } from "#shared/definition/certificate-references.ts";
import type { ProblemCode } from "#shared/definition/problem-code.ts";

import type { Transaction } from "../../storage/database.ts";
import { knownCertificates } from "../../storage/queries/certificates.ts";

/** Each certificate that a balancer names and that the tenant does not have. */
export async function unknownCertificates(
  tx: Transaction,
  tenantId: TenantId,
  definition: Balancer,
): Promise<readonly Problem[]> {
  const references = certificateReferencesOf(definition);
  const ids = references.map(({ id }) => id);
  const known = await knownCertificates(tx, tenantId, ids);
  return references
    .filter(({ id }) => !known.has(id))
    .map(({ pointer, id }) => ({
      pointer,
      code: "unknown-value" satisfies ProblemCode,
      detail: `there is no certificate ${JSON.stringify(id)}`,
    }));
}
