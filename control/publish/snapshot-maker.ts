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
  /** The JSON text up to the value of its last field, `secrets`. */
  readonly head: Buffer;
  readonly secretIds: readonly SecretId[];
  /** The whole, compressed; null when secrets belong into it. */
  readonly compressed: Buffer | null;
}

/** Makes whole snapshots for nodes that pull them; what nodes of a group share is made once. */
export class SnapshotMaker {
  readonly #deps: PublisherDeps;
  readonly #bodies: Bodies;
  readonly #made = new OnceCache<MadeSnapshot>({
    weightMax: snapshotsCachedBytesMax,
    weightOf: ({ head, compressed }) => head.length + (compressed?.length ?? 0),
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
    const etag = `W/"${epoch}-${rev}-${root.slice(0, 16)}"`;
    if (reader.acceptsGzip && made.compressed !== null) {
      return { version: made.version, etag, bytes: made.compressed, encoding: "gzip" };
    }
    const secrets = await this.#sealed(key, reader.node, made.secretIds);
    const bytes = whole(made.head, secrets);
    return reader.acceptsGzip
      ? { version: made.version, etag, bytes: await gzipped(bytes), encoding: "gzip" }
      : { version: made.version, etag, bytes, encoding: "identity" };
  }

  async #sealed(key: GroupKey, node: Recipient, ids: readonly SecretId[]): Promise<object> {
    return ids.length === 0 ? {} : this.#deps.sealForNode(key.tenantId, node, ids);
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
    const secretIds = secretIdsIn(bodies.values());
    const compressed = secretIds.length === 0 ? await gzipped(whole(head, {})) : null;
    return { version: found.version, head, secretIds, compressed };
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

function whole(head: Buffer, secrets: object): Buffer {
  return Buffer.concat([head, Buffer.from(`${JSON.stringify(secrets)}}`)]);
}
