import type { TenantId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { shownDefinition } from "#shared/definition/shown.ts";

import type { Transaction } from "../../storage/database.ts";
import { netChangesOfTenant, type NetChange } from "../../storage/queries/revisions.ts";
import { revisionOfTenant } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import { fieldChanges, type FieldChange } from "./field-changes.ts";
import { storedDefinitions } from "./stored-definitions.ts";

export interface BalancerChange {
  readonly balancer: string;
  /** Its name after the change, or before it when it is gone. */
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
  /** One with the whole definition when it was added or removed. */
  readonly fields: readonly FieldChange[];
}

export type DiffOutcome =
  | {
      readonly kind: "diff";
      readonly from: number;
      readonly to: number;
      readonly balancers: readonly BalancerChange[];
    }
  | NotFound;

export interface DiffInput {
  /** Either may be the older one; 0 is the empty beginning. */
  readonly from: number;
  readonly to: number;
}

/**
 * What turns the balancers of one revision into those of another; secrets are references, and hidden
 * where they were stored in plain text. Scope `read`.
 */
export async function diffRevisions(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: DiffInput,
): Promise<DiffOutcome> {
  requireScope(actor, "read");
  return deps.database.asTenant(actor.tenantId, (tx) => diffBetween(tx, actor.tenantId, input));
}

async function diffBetween(
  tx: Transaction,
  tenantId: TenantId,
  { from, to }: DiffInput,
): Promise<DiffOutcome> {
  const newest = await revisionOfTenant(tx, tenantId);
  if ([from, to].some((rev) => rev < 0 || rev > newest)) return { kind: "not-found" };
  const range = { after: Math.min(from, to), upTo: Math.max(from, to) };
  const forward = await netChangesOfTenant(tx, tenantId, range);
  const changes = from <= to ? forward : forward.map(reversed);
  const hashes = changes.flatMap(({ before, after }) => [before, after]);
  const definitions = await storedDefinitions(tx, tenantId, hashes);
  const balancers = changes.map((change) => balancerChange(change, definitions));
  return { kind: "diff", from, to, balancers };
}

function reversed(change: NetChange): NetChange {
  return { ...change, before: change.after, after: change.before };
}

function balancerChange(
  change: NetChange,
  definitions: ReadonlyMap<string, Balancer>,
): BalancerChange {
  const before = change.before === null ? undefined : definitions.get(change.before);
  const after = change.after === null ? undefined : definitions.get(change.after);
  return {
    balancer: change.balancer,
    name: after?.name ?? before?.name ?? change.name,
    change: kindOfChange(change),
    fields: fieldChanges(before && shownDefinition(before), after && shownDefinition(after)),
  };
}

function kindOfChange({ before, after }: NetChange): BalancerChange["change"] {
  if (before === null) return "added";
  return after === null ? "removed" : "changed";
}
