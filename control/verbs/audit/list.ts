import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";

/** Who did what. */
export interface AuditRecord {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly beforeHash: string | null;
  readonly afterHash: string | null;
  readonly requestId: string;
  readonly address: string;
}

export type ListAuditOutcome = Page<AuditRecord>;

/** What was done in the tenant's name, newest first. Scope `admin`. */
export declare function listAudit(
  deps: VerbDeps,
  actor: Actor,
  input: PageRequest,
): Promise<ListAuditOutcome>;
