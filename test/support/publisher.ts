import { keyIdOf, newKeyPair, privateKeyOf } from "#shared/snapshot/keys.ts";
import { rootOf } from "#shared/snapshot/manifest.ts";
import { sealedSignedValue, sealFor, type SealedSecret } from "#shared/snapshot/sealed.ts";
import { signWith, type Signature } from "#shared/snapshot/signature.ts";
import {
  manifestOfSnapshot,
  signedValueOf,
  type Snapshot,
  type SnapshotEntry,
} from "#shared/snapshot/snapshot.ts";
import type { Version } from "#shared/snapshot/version.ts";

import type { SnapshotOwner } from "../../node-agent/control-link/verify-snapshot.ts";

/** A control plane's key, and what it signs with it for one group. */
export class Publisher {
  readonly tenant = "ten_a";
  readonly group = "grp_a";
  readonly publicKey: string;
  readonly #key: { readonly keyId: string; readonly privateKey: ReturnType<typeof privateKeyOf> };

  constructor(pair = newKeyPair("ed25519")) {
    this.publicKey = pair.publicKey;
    this.#key = { keyId: keyIdOf(pair.publicKey), privateKey: privateKeyOf(pair.privateKey) };
  }

  owner(): SnapshotOwner {
    const trusted = new Map([[this.#key.keyId, this.publicKey]]);
    return { tenant: this.tenant, group: this.group, trusted };
  }

  version(rev: number, entries: readonly SnapshotEntry[], epoch = 1): Version {
    return { epoch, rev, root: rootOf(manifestOfSnapshot({ entries })) };
  }

  signature(version: Version): Signature {
    const { tenant, group } = this;
    return signWith(this.#key, "midstream.snapshot.v1", signedValueOf({ tenant, group, version }));
  }

  snapshot(rev: number, entries: readonly SnapshotEntry[], epoch = 1): Snapshot {
    const { tenant, group } = this;
    const version = this.version(rev, entries, epoch);
    const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return {
      tenant,
      group,
      version,
      signature: this.signature(version),
      entries: sorted,
      secrets: {},
    };
  }

  sealed(recipient: string, target: { node: string; secret: string }, plain: string): SealedSecret {
    const box = sealFor(recipient, target, plain);
    const value = sealedSignedValue(target, box);
    return { ...box, signature: signWith(this.#key, "midstream.sealed.v1", value) };
  }
}
