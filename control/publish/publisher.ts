import type { Stoppable } from "#shared/base/lifetime.ts";
import { sealingsAtOnceMax } from "#shared/base/limits.ts";
import type { Version } from "#shared/snapshot/version.ts";

import { createFlipLog } from "../flip-log.ts";
import { Turns } from "../turns.ts";
import { Bodies } from "./bodies.ts";
import { ConfigMaker } from "./config-maker.ts";
import { DesiredVersions, type GroupWatch } from "./desired-versions.ts";
import { groupText, type GroupKey } from "./group-key.ts";
import type { PreparedConfig } from "./prepared-config.ts";
import type { PublisherDeps, Recipient } from "./publisher-deps.ts";
import type { SnapshotAnswer } from "./snapshot-answer.ts";
import { SnapshotMaker, type WantedSnapshot } from "./snapshot-maker.ts";

/** What the nodes of each group shall run, and the messages that lead them there. */
export interface Publisher extends Stoppable {
  /** Follows a group: `onDesired` hears of every version that is found from now on. */
  watch(key: GroupKey, onDesired: (version: Version) => void): GroupWatch;
  /** What a watched group shall run; undefined while that is not known. */
  desired(key: GroupKey): Version | undefined;
  /** The message that leads a node to what its watched group shall run. Never rejects. */
  prepare(
    key: GroupKey,
    node: Recipient,
    asked: { readonly have: Version | null; readonly whole: boolean },
  ): Promise<PreparedConfig>;
  /**
   * A whole snapshot of the group; undefined when there is none such.
   * Rejects as storage does.
   */
  snapshot(
    key: GroupKey,
    wanted: WantedSnapshot,
    reader: { readonly node: Recipient; readonly acceptsGzip: boolean },
  ): Promise<SnapshotAnswer | undefined>;
}

/** Starts publishing: from then on changes are heard. */
export function createPublisher(outer: PublisherDeps): Publisher {
  const deps = boundedSealing(outer);
  const bodies = new Bodies();
  const configs = new ConfigMaker(deps, bodies);
  const snapshots = new SnapshotMaker(deps, bodies);
  const versions = new DesiredVersions(deps, bodies, (published) => configs.remember(published));
  const trouble = createFlipLog(deps.log, "prepare");
  versions.start();
  return {
    name: "publisher",
    watch: (key, onDesired) => versions.watch(key, onDesired),
    desired: (key) => versions.current(key)?.version,
    prepare: async (key, node, asked) => {
      const published = versions.current(key);
      if (published === undefined) return { kind: "unavailable" };
      try {
        const config = await configs.make(published, node, asked);
        trouble.worked(groupText(key));
        return config;
      } catch (error) {
        trouble.failed(groupText(key), error, { node: node.nodeId });
        return { kind: "unavailable" };
      }
    },
    snapshot: (key, wanted, reader) =>
      snapshots.make({ key, current: versions.current(key) }, wanted, reader),
    stop: () => versions.stop(),
  };
}

/** Sealing reads secrets for each node: a change that touches many must not take all connections. */
function boundedSealing(deps: PublisherDeps): PublisherDeps {
  const turns = new Turns(sealingsAtOnceMax);
  const sealForNode: PublisherDeps["sealForNode"] = (tenantId, recipient, ids) =>
    turns.run(() => deps.sealForNode(tenantId, recipient, ids));
  return { ...deps, sealForNode };
}
