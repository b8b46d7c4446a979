import { revisionRowOfTenant } from "../../storage/queries/revisions.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import { revisionRecordOf, type RevisionRecord } from "./revision-record.ts";

export type GetRevisionOutcome =
  | { readonly kind: "found"; readonly revision: RevisionRecord }
  | NotFound;

/** One revision. Scope `read`. */
export async function getRevision(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: { readonly rev: number },
): Promise<GetRevisionOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  const row = await deps.database.asTenant(tenantId, (tx) =>
    revisionRowOfTenant(tx, tenantId, input.rev),
  );
  if (row === undefined) return { kind: "not-found" };
  return { kind: "found", revision: revisionRecordOf(row) };
}
