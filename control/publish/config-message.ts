import { frameBytesMax } from "#shared/base/limits.ts";
import { differenceOf, type Difference } from "#shared/snapshot/difference.ts";
import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { SealedSecret } from "#shared/snapshot/sealed.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";
import { frameBytes } from "#shared/wire/codec.ts";
import type { DeltaFrame, RefFrame } from "#shared/wire/control-frames.ts";
import { agentPaths } from "#shared/wire/protocol.ts";

import type { Published } from "./published.ts";

/** What leads a node to the published version. */
export type ConfigDecision =
  | { readonly kind: "nothing" }
  | { readonly kind: "delta"; readonly difference: Difference }
  | { readonly kind: "ref" };

export interface ConfigQuestion {
  readonly published: Published;
  readonly have: Version | null;
  /** The manifest of `have`; undefined when it is not, or no longer, known. */
  readonly base: Manifest | undefined;
}

/**
 * Decides: nothing for a node that has it, the difference when its base is known and it may fit
 * one frame, else a reference. Whether it does fit is seen when it is made: `deltaFits`.
 */
export function decideConfig(question: ConfigQuestion): ConfigDecision {
  const { published, have, base } = question;
  if (sameVersion(have ?? undefined, published.version)) return { kind: "nothing" };
  if (base === undefined) return { kind: "ref" };
  const difference = differenceOf(base, published.manifest);
  return bodiesFit(difference, published) ? { kind: "delta", difference } : { kind: "ref" };
}

/** The difference as a frame. */
export function deltaFrameOf(
  published: Published,
  have: Version | null,
  content: {
    readonly difference: Difference;
    readonly entries: readonly SnapshotEntry[];
    readonly secrets: Readonly<Record<string, SealedSecret>>;
  },
): DeltaFrame {
  return {
    t: "delta",
    nonce: nonceOf(published.version, have),
    base: have,
    to: published.version,
    up: [...content.entries],
    del: content.difference.removed.map(({ kind, id }) => ({ kind, id })),
    secrets: content.secrets,
    signature: published.signature,
  };
}

/** Whether a difference fits one frame; else the node pulls the snapshot. */
export function deltaFits(frame: DeltaFrame): boolean {
  return frameBytes(frame) <= frameBytesMax;
}

/** The reference to the whole snapshot. */
export function refFrameOf(published: Published): RefFrame {
  const { version, signature } = published;
  return {
    t: "ref",
    nonce: nonceOf(version, "whole"),
    to: version,
    bytes: [...published.bodyBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
    url: snapshotUrl(version),
    signature,
  };
}

/** Where a version's snapshot is pulled. The same root may stand for several revisions. */
function snapshotUrl({ epoch, rev, root }: Version): string {
  return `${agentPaths.snapshots}${root}?epoch=${epoch}&rev=${rev}`;
}

/** Names a message by what it leads from and to: the same try after try, link after link. */
function nonceOf(to: Version, from: Version | null | "whole"): string {
  const target = `${to.epoch}.${to.rev}`;
  if (from === "whole") return `${target}/whole`;
  if (from === null) return `${target}/nothing`;
  return `${target}/${from.epoch}.${from.rev}.${from.root.slice(0, 16)}`;
}

function bodiesFit(difference: Difference, published: Published): boolean {
  const bytes = difference.changed.reduce(
    (sum, { hash }) => sum + (published.bodyBytes.get(hash) ?? 0),
    0,
  );
  return bytes <= frameBytesMax;
}
