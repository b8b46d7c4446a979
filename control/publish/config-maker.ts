import { Buffer } from "node:buffer";

import type { SecretId } from "#shared/base/ids.ts";
import { deltasCachedMax, manifestsCachedMax } from "#shared/base/limits.ts";
import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { DeltaFrame, RefFrame } from "#shared/wire/control-frames.ts";

import { readManifest } from "../storage/queries/node-groups.ts";
import type { Bodies } from "./bodies.ts";
import { entriesOf } from "./check-snapshot.ts";
import { decideConfig, deltaFits, deltaFrameOf, refFrameOf } from "./config-message.ts";
import { groupText, type GroupKey } from "./group-key.ts";
import { OnceCache } from "./once-cache.ts";
import type { ConfigMessage, PreparedConfig } from "./prepared-config.ts";
import type { Published } from "./published.ts";
import type { PublisherDeps, Recipient } from "./publisher-deps.ts";
import { secretIdsIn } from "./secret-ids.ts";

/** What leads from one version to another, made once for all nodes of a group. */
type MadeStep =
  /** No secrets: one encoded frame for everybody. */
  | { readonly kind: "shared"; readonly message: ConfigMessage }
  /** The secrets are sealed for each node. */
  | { readonly kind: "sealed"; readonly frame: DeltaFrame; readonly secretIds: readonly SecretId[] }
  | { readonly kind: "nothing" }
  | { readonly kind: "ref" };

/** Makes configuration messages; what several nodes need alike is made once. */
export class ConfigMaker {
  readonly #deps: PublisherDeps;
  readonly #bodies: Bodies;
  readonly #steps = new OnceCache<MadeStep>({ weightMax: deltasCachedMax });
  readonly #refs = new OnceCache<ConfigMessage>({ weightMax: deltasCachedMax });
  readonly #manifests = new OnceCache<Manifest>({ weightMax: manifestsCachedMax });

  constructor(deps: PublisherDeps, bodies: Bodies) {
    this.#deps = deps;
    this.#bodies = bodies;
  }

  /** Remembers a manifest that nodes run, or will: the next difference starts from it. */
  remember(published: Published): void {
    this.#manifests.set(versionKey(published.key, published.version), published.manifest);
  }

  /** @throws what storage throws, Fault `publish/…` for damaged bodies, what sealing throws */
  async make(
    published: Published,
    node: Recipient,
    asked: { readonly have: Version | null; readonly whole: boolean },
  ): Promise<PreparedConfig> {
    const { have, whole } = asked;
    const { key, version } = published;
    if (whole) return this.#ref(published);
    const from = have === null ? "nothing" : versionKey(key, have);
    const made = await this.#steps.getOrMake(`${from} > ${versionKey(key, version)}`, () =>
      this.#madeStep(published, have),
    );
    switch (made?.kind) {
      case undefined:
      case "ref":
        return this.#ref(published);
      case "nothing":
        return made;
      case "shared":
        return made.message;
      case "sealed":
        return this.#sealed(published, node, made);
    }
  }

  async #sealed(
    published: Published,
    node: Recipient,
    made: Extract<MadeStep, { kind: "sealed" }>,
  ): Promise<ConfigMessage> {
    const { sealForNode } = this.#deps;
    const secrets = await sealForNode(published.key.tenantId, node, made.secretIds);
    const frame = { ...made.frame, secrets };
    return deltaFits(frame) ? encoded(published, frame) : this.#ref(published);
  }

  /** The manifest of what a node has; undefined when it is not known any more. */
  async #baseOf(key: GroupKey, have: Version | null): Promise<Manifest | undefined> {
    if (have === null) return [];
    const { root, epoch, rev } = have;
    return this.#manifests.getOrMake(versionKey(key, have), async () => {
      const row = await this.#deps.database.asTenant(key.tenantId, (tx) =>
        readManifest(tx, key, { root, at: { epoch, rev } }),
      );
      return row?.entries;
    });
  }

  #ref(published: Published): Promise<ConfigMessage> {
    return this.#refs.getOrMake(versionKey(published.key, published.version), () => {
      const frame = refFrameOf(published);
      return Promise.resolve(encoded(published, frame));
    });
  }

  /** Undefined when what the node has is not known: that may be another time. */
  async #madeStep(published: Published, have: Version | null): Promise<MadeStep | undefined> {
    const base = await this.#baseOf(published.key, have);
    const decision = decideConfig({ published, have, base });
    if (decision.kind !== "delta") return base === undefined ? undefined : decision;
    const { difference } = decision;
    const { tenantId } = published.key;
    const { changed } = difference;
    const hashes = changed.map(({ hash }) => hash);
    const bodies =
      this.#bodies.known(tenantId, hashes) ??
      (await this.#deps.database.asTenant(tenantId, (tx) =>
        this.#bodies.load(tx, tenantId, hashes),
      ));
    const content = { difference, entries: entriesOf(changed, bodies), secrets: {} };
    const frame = deltaFrameOf(published, have, content);
    if (!deltaFits(frame)) return { kind: "ref" };
    const secretIds = secretIdsIn(changed, bodies);
    return secretIds.length > 0
      ? { kind: "sealed", frame, secretIds }
      : { kind: "shared", message: encoded(published, frame) };
  }
}

function encoded(published: Published, frame: DeltaFrame | RefFrame): ConfigMessage {
  return {
    kind: "message",
    nonce: frame.nonce,
    to: published.version,
    pulled: frame.t === "ref",
    texts: [Buffer.from(JSON.stringify(frame))],
  };
}

function versionKey(key: GroupKey, { epoch, rev, root }: Version): string {
  return `${groupText(key)} ${epoch}.${rev}.${root}`;
}
