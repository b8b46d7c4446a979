import { Buffer } from "node:buffer";

import type { SecretId } from "#shared/base/ids.ts";
import { deltasCachedMax, manifestsCachedMax } from "#shared/base/limits.ts";
import type { Difference } from "#shared/snapshot/difference.ts";
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

/** A difference, made once for all nodes of a group that have the same. */
type MadeDelta =
  /** No secrets: one encoded frame for everybody. */
  | { readonly kind: "shared"; readonly message: ConfigMessage }
  /** The secrets are sealed for each node. */
  | { readonly kind: "sealed"; readonly frame: DeltaFrame; readonly secretIds: readonly SecretId[] }
  | { readonly kind: "too-big" };

/** Makes configuration messages; what several nodes need alike is made once. */
export class ConfigMaker {
  readonly #deps: PublisherDeps;
  readonly #bodies: Bodies;
  readonly #deltas = new OnceCache<MadeDelta>({ weightMax: deltasCachedMax });
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
    const base = whole ? undefined : await this.#baseOf(published.key, have);
    const decision = decideConfig({ published, have, base, whole });
    switch (decision.kind) {
      case "nothing":
        return { kind: "nothing" };
      case "ref":
        return this.#ref(published);
      case "delta":
        return this.#delta(published, node, { have, difference: decision.difference });
    }
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

  async #delta(
    published: Published,
    node: Recipient,
    step: { readonly have: Version | null; readonly difference: Difference },
  ): Promise<ConfigMessage> {
    const from = step.have === null ? "nothing" : versionKey(published.key, step.have);
    const key = `${from} > ${versionKey(published.key, published.version)}`;
    const made = await this.#deltas.getOrMake(key, () => this.#madeDelta(published, step));
    switch (made.kind) {
      case "shared":
        return made.message;
      case "too-big":
        return this.#ref(published);
      case "sealed": {
        const { sealForNode } = this.#deps;
        const secrets = await sealForNode(published.key.tenantId, node, made.secretIds);
        const frame = { ...made.frame, secrets };
        return deltaFits(frame) ? encoded(published, frame) : this.#ref(published);
      }
    }
  }

  async #madeDelta(
    published: Published,
    step: { readonly have: Version | null; readonly difference: Difference },
  ): Promise<MadeDelta> {
    const { tenantId } = published.key;
    const { changed } = step.difference;
    const hashes = changed.map(({ hash }) => hash);
    const bodies =
      this.#bodies.known(tenantId, hashes) ??
      (await this.#deps.database.asTenant(tenantId, (tx) =>
        this.#bodies.load(tx, tenantId, hashes),
      ));
    const content = { ...step, entries: entriesOf(changed, bodies), secrets: {} };
    const frame = deltaFrameOf(published, step.have, content);
    if (!deltaFits(frame)) return { kind: "too-big" };
    const secretIds = secretIdsIn(changed.flatMap(({ hash }) => bodies.get(hash) ?? []));
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
