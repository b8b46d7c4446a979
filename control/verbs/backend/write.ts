import type { BalancerId } from "#shared/base/ids.ts";
import { pointerBehind, type Checked } from "#shared/base/problem.ts";
import { backendName } from "#shared/definition/backend-name.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import type { ManagedBackend } from "#shared/definition/managed-backend.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";
import { checkWritten } from "#shared/validation/check-written.ts";

import type { Transaction } from "../../storage/database.ts";
import { balancerOfTenant } from "../../storage/queries/balancers.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import type { Actor, VerbDeps } from "../actor.ts";
import { replaceDefinition, type ReplaceOutcome } from "../balancer/replace.ts";
import { staleness, type Expected, type Stale } from "../expected.ts";
import type { NotFound } from "../outcomes.ts";
import { undone, type Ended } from "../transact.ts";

/** A change of one managed backend. */
export interface BackendWrite {
  readonly balancer: BalancerId;
  readonly expected: Expected;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

/** There is a managed backend with this name already. */
export interface BackendTaken {
  readonly kind: "backend-taken";
  readonly backend: string;
}

export type BackendWriteOutcome = ReplaceOutcome | NotFound | Stale | BackendTaken;

/** What becomes of a balancer's managed backends. */
export interface BackendEdit {
  /** What the revision and the audit call it. */
  readonly action: "backend.add" | "backend.change" | "backend.remove";
  readonly edit: (
    backends: readonly ManagedBackend[],
  ) => readonly ManagedBackend[] | NotFound | BackendTaken;
}

/** Changes a balancer's managed backends: a new revision of the balancer. */
export async function writeBackends(
  deps: VerbDeps,
  { tx, actor }: { readonly tx: Transaction; readonly actor: Actor },
  { balancer, expected, dryRun, action, edit }: BackendWrite & BackendEdit,
): Promise<Ended<BackendWriteOutcome>> {
  const { tenantId } = actor;
  const rev = await nextRevision(tx, tenantId);
  const before = await balancerOfTenant(tx, tenantId, balancer);
  if (before === undefined) return undone({ kind: "not-found" });
  const stale = staleness(before, expected);
  if (stale !== undefined) return undone(stale);
  const edited = edit(before.definition.managedBackends ?? []);
  if ("kind" in edited) return undone(edited);
  const checked = checkEdited(before.definition, edited);
  if (!checked.ok) return undone({ kind: "invalid", problems: checked.problems });
  const replacement = { before, written: checked.value, action };
  const ended = await replaceDefinition(deps, { tx, actor, rev }, replacement);
  if (ended.outcome.kind !== "updated" || !dryRun) return ended;
  return undone({ ...ended.outcome, dryRun: true });
}

/** What is wrong with the backend that is written points into it, as it was sent. */
function checkEdited(stored: Balancer, edited: readonly ManagedBackend[]): Checked<Balancer> {
  const raw = { ...stored, managedBackends: edited };
  const index = edited.findIndex((one) => stored.managedBackends?.includes(one) !== true);
  if (index < 0) return checkBalancer(raw);
  const place = `/managedBackends/${index}`;
  const checked = checkWritten(raw, { part: place });
  if (checked.ok) return checked;
  const problems = checked.problems.map((problem) => ({
    ...problem,
    pointer: pointerBehind(place, problem.pointer) ?? problem.pointer,
  }));
  return { ok: false, problems };
}

/** Whether this is the backend that is called so. */
export function isNamed({ host, port }: ManagedBackend, name: string): boolean {
  return backendName(host, port) === name;
}
