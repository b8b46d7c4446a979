import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { SecretId } from "#shared/base/ids.ts";
import { snapshotsCachedBytesMax } from "#shared/base/limits.ts";
import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Signature } from "#shared/snapshot/signature.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";

import { readManifest } from "../storage/queries/node-groups.ts";
import type { Bodies } from "./bodies.ts";
import { bodyOf, type BodyTexts } from "./check-snapshot.ts";
import { groupText, type GroupKey } from "./group-key.ts";
import { OnceCache } from "./once-cache.ts";
import { publishGroup } from "./publish-group.ts";
import type { Published } from "./published.ts";
import type { PublisherDeps, Recipient } from "./publisher-deps.ts";
import { secretIdsIn } from "./secret-ids.ts";
import type { SnapshotAnswer } from "./snapshot-answer.ts";

const gzipped = promisify(gzip);

/** Which snapshot is meant: by its root, and which revision when it is known. */
export interface WantedSnapshot {
  readonly root: string;
  readonly at?: Pick<Version, "epoch" | "rev">;
}

/** A version with its entries, signed. */
interface SignedManifest {
  readonly version: Version;
  readonly entries: Manifest;
  readonly signature: Signature;
}

/** A snapshot without its secrets: the same for every node of the group. */
interface MadeSnapshot {
  readonly version: Version;
  /** The JSON text up to the value of its last field, `secrets`; plain, and as a gzip member. */
  readonly head: Buffer;
  readonly compressedHead: Buffer;
  readonly secretIds: readonly SecretId[];
}

/** Makes whole snapshots for nodes that pull them; what nodes of a group share is made once. */
export class SnapshotMaker {
  readonly #deps: PublisherDeps;
  readonly #bodies: Bodies;
  readonly #made = new OnceCache<MadeSnapshot>({
    weightMax: snapshotsCachedBytesMax,
    weightOf: ({ head, compressedHead }) => head.length + compressedHead.length,
  });

  constructor(deps: PublisherDeps, bodies: Bodies) {
    this.#deps = deps;
    this.#bodies = bodies;
  }

  /**
   * The snapshot for one node of the group; undefined when the group has, or keeps, none such.
   *
   * @param current what the group shall run, when that is known here
   * @throws what storage and sealing throw
   */
  async make(
    place: { readonly key: GroupKey; readonly current: Published | undefined },
    wanted: WantedSnapshot,
    reader: { readonly node: Recipient; readonly acceptsGzip: boolean },
  ): Promise<SnapshotAnswer | undefined> {
    const found = await this.#found(place, wanted);
    if (found === undefined) return undefined;
    const { key } = place;
    const { epoch, rev, root } = found.version;
    const name = `${groupText(key)} ${epoch}.${rev}.${root}`;
    const made = await this.#made.getOrMake(name, () => this.#encoded(key, found));
    const tail = await this.#tail(key, reader.node, made.secretIds);
    const { version, head, compressedHead } = made;
    const etag = `W/"${epoch}-${rev}-${root.slice(0, 16)}"`;
    // Members of gzip one after the other are one gzip (RFC 1952 section 2.2).
    return reader.acceptsGzip
      ? { version, etag, pieces: [compressedHead, await gzipped(tail)], encoding: "gzip" }
      : { version, etag, pieces: [head, tail], encoding: "identity" };
  }

  /** The value of the last field, and the end. */
  async #tail(key: GroupKey, node: Recipient, ids: readonly SecretId[]): Promise<Buffer> {
    const secrets = ids.length === 0 ? {} : await this.#deps.sealForNode(key.tenantId, node, ids);
    return Buffer.from(`${JSON.stringify(secrets)}}`);
  }

  /** What this instance knows, else what any instance published, else what is there now. */
  async #found(
    place: { readonly key: GroupKey; readonly current: Published | undefined },
    wanted: WantedSnapshot,
  ): Promise<SignedManifest | undefined> {
    const { key, current } = place;
    if (current !== undefined && isMeant(current.version, wanted)) return manifestOf(current);
    const row = await this.#deps.database.asTenant(key.tenantId, (tx) =>
      readManifest(tx, key, wanted),
    );
    if (row !== undefined) return row;
    const fresh = await publishGroup({ ...this.#deps, bodies: this.#bodies }, key, undefined);
    return fresh !== undefined && isMeant(fresh.version, wanted) ? manifestOf(fresh) : undefined;
  }

  async #encoded(key: GroupKey, found: SignedManifest): Promise<MadeSnapshot> {
    const hashes = found.entries.map(({ hash }) => hash);
    const bodies = await this.#deps.database.asTenant(key.tenantId, (tx) =>
      this.#bodies.load(tx, key.tenantId, hashes),
    );
    const head = Buffer.from(headOf(key, found, bodies));
    const compressedHead = await gzipped(head);
    const secretIds = secretIdsIn(found.entries, bodies);
    return { version: found.version, head, compressedHead, secretIds };
  }
}

function manifestOf({ version, manifest, signature }: Published): SignedManifest {
  return { version, entries: manifest, signature };
}

function isMeant(version: Version, { root, at }: WantedSnapshot): boolean {
  return sameVersion(version, { epoch: version.epoch, rev: version.rev, ...at, root });
}

/** The JSON of a `Snapshot`, with the bodies' canonical texts as they are stored. */
function headOf(key: GroupKey, found: SignedManifest, bodies: BodyTexts): string {
  const { version, signature, entries } = found;
  const shown = entries.map((entry) => {
    const head = JSON.stringify(entry).slice(0, -1);
    return `${head},"body":${bodyOf(entry, bodies)}}`;
  });
  const identity = { tenant: key.tenantId, group: key.groupId, version, signature };
  const head = JSON.stringify(identity).slice(0, -1);
  return `${head},"entries":[${shown.join(",")}],"secrets":`;
}
