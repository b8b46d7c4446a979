import {
  managedPatchSchema,
  type ManagedBackend,
  type ManagedPatch,
} from "#shared/definition/managed-backend.ts";

import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { checkInput } from "../check-input.ts";
import { transact } from "../transact.ts";
import { isNamed, writeBackends, type BackendWrite, type BackendWriteOutcome } from "./write.ts";

export interface ChangeBackendInput extends BackendWrite {
  /** Which one: `host:port`. */
  readonly backend: string;
  /** As it came, unchecked. */
  readonly patch: unknown;
}

/** Changes a managed backend (RFC 7396, JSON Merge Patch): a new revision. Scope `write`. */
export async function changeBackend(
  deps: VerbDeps,
  actor: Actor,
  input: ChangeBackendInput,
): Promise<BackendWriteOutcome> {
  requireScope(actor, "write");
  const checked = checkInput(managedPatchSchema, input.patch);
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  return transact<BackendWriteOutcome>(deps, actor, (tx) =>
    writeBackends(
      deps,
      { tx, actor },
      {
        ...input,
        action: "backend.change",
        edit: (backends) => {
          const before = backends.find((one) => isNamed(one, input.backend));
          if (before === undefined) return { kind: "not-found" };
          const after = patched(before, checked.value);
          return backends.map((one) => (one === before ? after : one));
        },
      },
    ),
  );
}

/** A deadline ends with its drain, unless it is given anew. */
function patched(backend: ManagedBackend, patch: ManagedPatch): ManagedBackend {
  const { state } = { ...backend, ...patch };
  const all = { ...backend, ...(state === "draining" ? {} : { drainTimeout: null }), ...patch };
  const { host, port, ...terms } = all;
  const given = Object.entries(terms).filter(([, value]) => value !== null && value !== undefined);
  return { host, port, ...Object.fromEntries(given) };
}
