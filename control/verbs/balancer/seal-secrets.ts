import { newId, type SecretId } from "#shared/base/ids.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { hiddenSecret } from "#shared/definition/secret-value.ts";
import {
  isSecretReference,
  mapSecrets,
  secretFieldsOf,
  type SecretField,
} from "#shared/definition/secret.ts";

import { secretContext } from "../../certificates/secret-context.ts";
import type { StoredSecret } from "../../storage/queries/secrets.ts";
import type { Actor, VerbDeps } from "../actor.ts";

/** A definition that holds no secret any more, and what is to be stored of them. */
export type SealedDefinition =
  | {
      readonly ok: true;
      readonly definition: Balancer;
      readonly secrets: readonly StoredSecret[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Replaces every secret in plain text by a reference to its sealed form. A reference that is there
 * already stays, if the balancer had it before: otherwise one could read a secret of another
 * balancer by sending it to a backend of one's own. What an answer showed as hidden is what is stored
 * in the same place.
 */
export async function sealSecrets(
  deps: Pick<VerbDeps, "sealer" | "ids">,
  actor: Pick<Actor, "tenantId">,
  written: { readonly definition: Balancer; readonly before: Balancer | undefined },
): Promise<SealedDefinition> {
  const known = written.before === undefined ? [] : secretFieldsOf(written.before);
  const fields = withHidden(secretFieldsOf(written.definition), known);
  const problems = [...foreignReferences(fields, referencesIn(known)), ...unknownHidden(fields)];
  if (problems.length > 0) return { ok: false, problems };
  const sealed = await Promise.all(
    fields.flatMap(({ pointer, value }) =>
      isSecretReference(value) ? [] : [sealOne(deps, actor, { pointer, plain: value })],
    ),
  );
  const byPointer = new Map(sealed.map(({ pointer, stored }) => [pointer, stored.id]));
  const definition = mapSecrets(written.definition, (value, pointer) => {
    const id = byPointer.get(pointer);
    return id === undefined ? value : { secret: id };
  });
  return { ok: true, definition, secrets: sealed.map(({ stored }) => stored) };
}

/** What was written, and in place of a hidden secret what is stored in plain text there. */
function withHidden(
  fields: readonly SecretField[],
  known: readonly SecretField[],
): readonly SecretField[] {
  const plain = new Map(known.map(({ pointer, value }) => [pointer, value]));
  return fields.map(({ pointer, value }) => {
    const stored = plain.get(pointer);
    const isKept = value === hiddenSecret && typeof stored === "string";
    return { pointer, value: isKept ? stored : value };
  });
}

function unknownHidden(fields: readonly SecretField[]): readonly Problem[] {
  const detail = "stands for a secret that is not stored here: write the secret itself";
  return fields
    .filter(({ value }) => value === hiddenSecret)
    .map(({ pointer }) => ({ pointer, code: "unknown-value", detail }));
}

/** Ids of the secrets that a stored definition names. */
function referencesIn(known: readonly SecretField[]): ReadonlySet<SecretId> {
  return new Set(known.flatMap(({ value }) => (isSecretReference(value) ? [value.secret] : [])));
}

function foreignReferences(
  fields: readonly SecretField[],
  own: ReadonlySet<SecretId>,
): readonly Problem[] {
  return fields.flatMap(({ pointer, value }) => {
    if (!isSecretReference(value) || own.has(value.secret)) return [];
    const detail = "is no secret of this balancer: write the secret itself";
    return [{ pointer: `${pointer}/secret`, code: "unknown-value", detail }];
  });
}

async function sealOne(
  deps: Pick<VerbDeps, "sealer" | "ids">,
  { tenantId }: Pick<Actor, "tenantId">,
  { pointer, plain }: { readonly pointer: string; readonly plain: string },
): Promise<{ readonly pointer: string; readonly stored: StoredSecret }> {
  const id = newId("sec", deps.ids);
  const sealed = await deps.sealer.seal(plain, secretContext(tenantId, id));
  return { pointer, stored: { id, sealed } };
}
