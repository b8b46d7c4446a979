import type { CertificateId } from "#shared/base/ids.ts";
import { expiryWarningDays } from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { ProblemCode } from "#shared/definition/problem-code.ts";

import type { CertificateRow, CertificateUser } from "../../storage/queries/certificates.ts";
import { momentMs } from "../../storage/queries/moment.ts";
import type { CertificateDetails } from "../../storage/tables/certificates.ts";

/** A certificate as it is shown: never with its key. */
export interface CertificateRecord {
  readonly id: CertificateId;
  readonly name: string;
  readonly details: CertificateDetails;
  /** Balancers that name it. */
  readonly usedBy: readonly { readonly id: string; readonly name: string }[];
  /** With `hash`, what an ETag is made of: `"<rev>-<hash8>"`. */
  readonly rev: number;
  /** SHA-256 of the body that nodes get. */
  readonly hash: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** @param users of this certificate, and maybe of others */
export function certificateRecordOf(
  row: CertificateRow,
  users: readonly CertificateUser[],
): CertificateRecord {
  return {
    id: row.id,
    name: row.name,
    details: row.details,
    usedBy: users
      .filter(({ certificate }) => certificate === row.id)
      .map(({ id, name }) => ({ id, name })),
    rev: row.revUpdated,
    hash: row.hash,
    createdAtMs: momentMs(row.createdAt),
    updatedAtMs: momentMs(row.updatedAt),
  };
}

const dayMs = 24 * 60 * 60 * 1_000;

/** That a chain ends soon, or has ended; none while it is far off. */
export function expiryWarnings(
  { chainNotAfterMs }: Pick<CertificateDetails, "chainNotAfterMs">,
  nowMs: number,
): readonly Problem[] {
  const leftMs = chainNotAfterMs - nowMs;
  const until = new Date(chainNotAfterMs).toISOString();
  if (leftMs <= 0) return [warning("expired", `was valid until ${until}`)];
  const days = expiryWarningDays.findLast((most) => leftMs <= most * dayMs);
  if (days === undefined) return [];
  const span = days === 1 ? "a day" : `${days} days`;
  return [warning("expires-soon", `is valid until ${until}: less than ${span}`)];
}

function warning(code: ProblemCode, detail: string): Problem {
  return { pointer: "/certificate", code, detail };
}
