import { auditOfTenant, type AuditRow } from "../../storage/queries/audit.ts";
import { momentMs } from "../../storage/queries/moment.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, parseNumber, type Listing, type Page, type PageRequest } from "../page.ts";

/** Who did what. */
export interface AuditRecord {
  readonly seq: number;
  readonly atMs: number;
  /** Id of the key or session. */
  readonly actor: string;
  /** `noun.verb`, such as `balancer.update`. */
  readonly action: string;
  readonly target: string;
  readonly beforeHash: string | null;
  readonly afterHash: string | null;
  readonly requestId: string;
  readonly address: string;
}

export type ListAuditOutcome = Page<AuditRecord>;

const listing: Listing<AuditRecord, number> = {
  name: "audit",
  parse: parseNumber,
  placeOf: (record) => record.seq,
};

/** What was done in the tenant's name, newest first. Scope `admin`. */
export async function listAudit(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: PageRequest,
): Promise<ListAuditOutcome> {
  requireScope(actor, "admin");
  const { tenantId } = actor;
  return pageOf(listing, input, async (before, limit) => {
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      auditOfTenant(tx, tenantId, { before, limit }),
    );
    return rows.map(recordOf);
  });
}

function recordOf(row: AuditRow): AuditRecord {
  const { seq, actor, action, target, beforeHash, afterHash, requestId, address } = row;
  const atMs = momentMs(row.at);
  return { seq, atMs, actor, action, target, beforeHash, afterHash, requestId, address };
}
