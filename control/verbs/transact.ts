import type { Transaction } from "../storage/database.ts";
import type { Actor, VerbDeps } from "./actor.ts";

/** How the body of a verb ended: what it wrote is kept, or undone. */
export interface Ended<O> {
  readonly kept: boolean;
  readonly outcome: O;
}

/** What was written is committed. */
export function kept<O>(outcome: O): Ended<O> {
  return { kept: true, outcome };
}

/** What was written is rolled back: refused, or only asked for as if. */
export function undone<O>(outcome: O): Ended<O> {
  return { kept: false, outcome };
}

/** Runs a verb's body in one transaction of the actor's tenant. */
export async function transact<O>(
  deps: Pick<VerbDeps, "database">,
  actor: Pick<Actor, "tenantId">,
  body: (tx: Transaction) => Promise<Ended<O>>,
): Promise<O> {
  const undo = new Undo<O>();
  try {
    return await deps.database.asTenant(actor.tenantId, async (tx) => {
      const ended = await body(tx);
      if (ended.kept) return ended.outcome;
      undo.outcome = ended.outcome;
      throw undo;
    });
  } catch (error) {
    if (error === undo && undo.outcome !== undefined) return undo.outcome;
    throw error;
  }
}

/** Thrown through the transaction to roll it back; nobody else sees it. */
class Undo<O> extends Error {
  outcome: O | undefined;
}
