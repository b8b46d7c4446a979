import { z } from "zod";

import { canonicalJson } from "./canonical.ts";
import { sha256Hex } from "./hash.ts";
import { manifestOf, rootOf, type Manifest, type ManifestEntry } from "./manifest.ts";
import { sealedSecretSchema, type SealedSecret } from "./sealed.ts";
import { isSignedBy, signatureSchema, type Signature, type TrustedKeys } from "./signature.ts";
import { versionSchema, type Version } from "./version.ts";

/** What a snapshot's signature covers; the root inside the version covers every entry. */
export interface SnapshotIdentity {
  readonly tenant: string;
  readonly group: string;
  readonly version: Version;
}

/** An entry with its body (any JSON value; the hash is over its canonical form). */
export interface SnapshotEntry extends ManifestEntry {
  readonly body: unknown;
}

/** Everything that the nodes of one group run at one version. */
export interface Snapshot extends SnapshotIdentity {
  readonly signature: Signature;
  readonly entries: readonly SnapshotEntry[];
  /** Secrets that bodies name as `{secret: id}`, by id, sealed for one node. */
  readonly secrets: Readonly<Record<string, SealedSecret>>;
}

export const snapshotEntrySchema: z.ZodType<SnapshotEntry> = z.object({
  kind: z.string().min(1).max(40),
  id: z.string().min(1).max(64),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  body: z.unknown(),
});

export const secretsSchema: z.ZodType<Readonly<Record<string, SealedSecret>>> = z.record(
  z.string().max(64),
  sealedSecretSchema,
);

export const snapshotSchema: z.ZodType<Snapshot> = z.object({
  tenant: z.string().max(64),
  group: z.string().max(64),
  version: versionSchema,
  signature: signatureSchema,
  entries: z.array(snapshotEntrySchema),
  secrets: secretsSchema,
});

/** Why a snapshot is refused. */
export type SnapshotRefusal = "wrong-recipient" | "bad-signature" | "bad-hash" | "bad-root";

/** The entry for a body, hashed. */
export function entryOf(kind: string, id: string, body: unknown): SnapshotEntry {
  return { kind, id, hash: sha256Hex(canonicalJson(body)), body };
}

/** The manifest of a snapshot. */
export function manifestOfSnapshot(snapshot: Pick<Snapshot, "entries">): Manifest {
  return manifestOf(snapshot.entries.map(({ kind, id, hash }) => ({ kind, id, hash })));
}

/** The value that is signed for a snapshot. */
export function signedValueOf(identity: SnapshotIdentity): SnapshotIdentity {
  const { epoch, rev, root } = identity.version;
  return { tenant: identity.tenant, group: identity.group, version: { epoch, rev, root } };
}

/**
 * Checks a snapshot before any of it is used: who it is for, who signed it, that every body has
 * its hash and all hashes make the root. Undefined means it may be used.
 */
export function refusalOf(
  snapshot: Snapshot,
  expected: { readonly tenant: string; readonly group: string; readonly trusted: TrustedKeys },
): SnapshotRefusal | undefined {
  if (snapshot.tenant !== expected.tenant || snapshot.group !== expected.group) {
    return "wrong-recipient";
  }
  const signed = { value: signedValueOf(snapshot), signature: snapshot.signature };
  if (!isSignedBy(expected.trusted, "midstream.snapshot.v1", signed)) return "bad-signature";
  if (!snapshot.entries.every(hasItsHash)) return "bad-hash";
  return rootOf(manifestOfSnapshot(snapshot)) === snapshot.version.root ? undefined : "bad-root";
}

function hasItsHash(entry: SnapshotEntry): boolean {
  return sha256Hex(canonicalJson(entry.body)) === entry.hash;
}
