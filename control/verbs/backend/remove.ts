import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { transact } from "../transact.ts";
import { isNamed, writeBackends, type BackendWrite, type BackendWriteOutcome } from "./write.ts";

export interface RemoveBackendInput extends BackendWrite {
  /** Which one: `host:port`. */
  readonly backend: string;
}

/**
 * Takes a managed backend away: a new revision. It gets no new connections unless a source names it,
 * and is gone with its last one. Scope `write`.
 */
export async function removeBackend(
  deps: VerbDeps,
  actor: Actor,
  input: RemoveBackendInput,
): Promise<BackendWriteOutcome> {
  requireScope(actor, "write");
  return transact<BackendWriteOutcome>(deps, actor, (tx) =>
    writeBackends(
      deps,
      { tx, actor },
      {
        ...input,
        action: "backend.remove",
        edit: (backends) => {
          const left = backends.filter((one) => !isNamed(one, input.backend));
          return left.length === backends.length ? { kind: "not-found" } : left;
        },
      },
    ),
  );
}
