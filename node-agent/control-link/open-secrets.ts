import type { KeyObject } from "node:crypto";

import { openSealed, sealedSignedValue, type SealedSecret } from "#shared/snapshot/sealed.ts";
import { isSignedBy, type TrustedKeys } from "#shared/snapshot/signature.ts";

/** Whose boxes are opened, and whose signature they must carry. */
export interface SecretReader {
  readonly node: string;
  readonly receiving: { readonly privateKey: KeyObject; readonly publicKey: string };
  readonly trusted: TrustedKeys;
}

/**
 * The secrets that can be opened, by id: signed by the control plane, sealed for this node, and
 * unchanged. The others are missing from the answer, and whoever needs one says so.
 */
export function openSecrets(
  reader: SecretReader,
  sealed: Readonly<Record<string, SealedSecret>>,
): ReadonlyMap<string, string> {
  const opened = Object.entries(sealed).flatMap(([id, secret]) => {
    const value = openOne(reader, id, secret);
    return value === undefined ? [] : [[id, value] as const];
  });
  return new Map(opened);
}

/** Those of the secrets that a body still names as `{secret: id}`. */
export function namedSecrets(
  entries: readonly { readonly body: unknown }[],
  secrets: Readonly<Record<string, SealedSecret>>,
): Readonly<Record<string, SealedSecret>> {
  if (Object.keys(secrets).length === 0) return secrets;
  const named = new Set(entries.flatMap((entry) => secretIdsIn(entry.body)));
  return Object.fromEntries(Object.entries(secrets).filter(([id]) => named.has(id)));
}

function secretIdsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    key === "secret" && typeof inner === "string" ? [inner] : secretIdsIn(inner),
  );
}

function openOne(reader: SecretReader, id: string, sealed: SealedSecret): string | undefined {
  const { signature, ...box } = sealed;
  const target = { node: reader.node, secret: id };
  const signed = { value: sealedSignedValue(target, box), signature };
  if (!isSignedBy(reader.trusted, "midstream.sealed.v1", signed)) return undefined;
  return openSealed(reader.receiving, target, box);
}
