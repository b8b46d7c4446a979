import { backendName } from "#shared/definition/backend-name.ts";
import { managedBackendSchema } from "#shared/definition/managed-backend.ts";

import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { checkInput } from "../check-input.ts";
import { transactOnce } from "../idempotent.ts";
import type { Mismatch } from "../outcomes.ts";
import {
  isNamed,
  writeBackends,
  type BackendTaken,
  type BackendWrite,
  type BackendWriteOutcome,
} from "./write.ts";

export interface AddBackendInput extends BackendWrite {
  /** As it came, unchecked. */
  readonly backend: unknown;
}

export type AddBackendOutcome =
  | { readonly kind: "wrote"; readonly backend: string; readonly written: BackendWriteOutcome }
  | Mismatch;

/** Adds a managed backend to a balancer: a new revision. Scope `write`. */
export async function addBackend(
  deps: VerbDeps,
  actor: Actor,
  input: AddBackendInput,
): Promise<AddBackendOutcome> {
  requireScope(actor, "write");
  const checked = checkInput(managedBackendSchema, input.backend);
  if (!checked.ok) {
    const { problems } = checked;
    return { kind: "wrote", backend: "", written: { kind: "invalid", problems } };
  }
  const { value } = checked;
  const backend = backendName(value.host, value.port);
  const taken: BackendTaken = { kind: "backend-taken", backend };
  const outcome = await transactOnce<BackendWriteOutcome>(deps, actor, (tx) =>
    writeBackends(
      deps,
      { tx, actor },
      {
        ...input,
        action: "backend.add",
        edit: (backends) =>
          backends.some((one) => isNamed(one, backend)) ? taken : [...backends, value],
      },
    ),
  );
  return outcome.kind === "mismatch" ? outcome : { kind: "wrote", backend, written: outcome };
}
