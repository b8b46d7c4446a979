import {
  managedPatchSchema,
  type ManagedBackend,
  type ManagedPatch,
} from "#shared/definition/managed-backend.ts";
import { drainProblems } from "#shared/validation/rules/drain-rules.ts";

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
          const isGiven = (checked.value.drainTimeout ?? null) !== null;
          const problems = isGiven ? drainProblems(after) : [];
          if (problems.length > 0) return { kind: "invalid", problems };
          return backends.map((one) => (one === before ? after : one));
        },
      },
    ),
  );
}

/** A drain that ends takes its deadline along, unless that is given anew. */
function patched(backend: ManagedBackend, patch: ManagedPatch): ManagedBackend {
  const endsDrain = patch.state !== undefined && patch.state !== "draining";
  const all = { ...backend, ...(endsDrain ? { drainTimeout: null } : {}), ...patch };
  const { host, port, ...terms } = all;
  const given = Object.entries(terms).filter(([, value]) => value !== null && value !== undefined);
  return { host, port, ...Object.fromEntries(given) };
}
