import { jitteredMs } from "#shared/base/backoff.ts";
import type { Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  groupsReadAtOnceMax,
  manifestsPerGroupKept,
  manifestsPruneSlack,
  sweepMs,
} from "#shared/base/limits.ts";
import type { Version } from "#shared/snapshot/version.ts";

import { createFlipLog, type FlipLog } from "../flip-log.ts";
import { doorbellChannel } from "../storage/database.ts";
import { pruneManifests, readGroupRevs, saveManifest } from "../storage/queries/node-groups.ts";
import { Turns } from "../turns.ts";
import type { Bodies } from "./bodies.ts";
import { groupText, type GroupKey } from "./group-key.ts";
import { publishGroup } from "./publish-group.ts";
import type { Published } from "./published.ts";
import type { PublisherDeps } from "./publisher-deps.ts";

/** A group that somebody wants to hear of. */
interface WatchedGroup {
  readonly key: GroupKey;
  readonly listeners: Set<(version: Version) => void>;
  current: Published | undefined;
  reading: Promise<void> | undefined;
  /** Something may have changed while it was being read. */
  again: boolean;
}

/** An interest in a group's desired version. */
export interface GroupWatch {
  /** Settles once the first reading is done, whether it succeeded or not. */
  readonly ready: Promise<void>;
  stop(): void;
}

/**
 * Knows what each watched group shall run, and says when that changes.
 *
 * The doorbell only makes it faster: after every (re)listen and every two seconds the revisions of
 * exactly the watched groups are compared, so that nothing depends on a NOTIFY arriving.
 */
export class DesiredVersions implements Stoppable {
  readonly name = "desired-versions";
  readonly #deps: PublisherDeps;
  readonly #bodies: Bodies;
  readonly #onPublished: (published: Published) => void;
  readonly #groups = new Map<string, WatchedGroup>();
  readonly #saving = new Set<Promise<void>>();
  readonly #trouble: FlipLog;
  readonly #turns = new Turns(groupsReadAtOnceMax);
  #sweepTimer: Timer | undefined;
  #sweeping: Promise<void> | undefined;
  #listening: Promise<Stoppable> | undefined;
  #stopped = false;

  /** @param onPublished hears of every version before anybody else */
  constructor(deps: PublisherDeps, bodies: Bodies, onPublished: (published: Published) => void) {
    this.#deps = deps;
    this.#bodies = bodies;
    this.#onPublished = onPublished;
    this.#trouble = createFlipLog(deps.log, "publish");
  }

  start(): void {
    this.#planSweep();
    if (!this.#deps.doorbell) return;
    this.#listening = this.#deps.database.listen(doorbellChannel, {
      onPayload: (tenantId) => this.#rung(tenantId),
      onListen: () => void this.#sweep(),
    });
  }

  /** Starts knowing a group; `onDesired` is called with every version after the first reading. */
  watch(key: GroupKey, onDesired: (version: Version) => void): GroupWatch {
    const text = groupText(key);
    const group = this.#groups.get(text) ?? {
      key,
      listeners: new Set(),
      current: undefined,
      reading: undefined,
      again: false,
    };
    this.#groups.set(text, group);
    group.listeners.add(onDesired);
    const ready = group.current === undefined ? this.#read(group) : Promise.resolve();
    const stop = (): void => {
      group.listeners.delete(onDesired);
      if (group.listeners.size === 0) this.#groups.delete(text);
    };
    return { ready, stop };
  }

  /** What a watched group shall run; undefined when it is not watched or could not be read yet. */
  current(key: GroupKey): Published | undefined {
    return this.#groups.get(groupText(key))?.current;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sweepTimer?.stop();
    await (await this.#listening)?.stop();
    await this.#sweeping;
    await Promise.all([...this.#groups.values()].flatMap(({ reading }) => reading ?? []));
    await Promise.all(this.#saving);
  }

  #planSweep(): void {
    if (this.#stopped) return;
    const { clock, random } = this.#deps;
    this.#sweepTimer = clock.after(jitteredMs(sweepMs, 0.2, random), () => {
      void this.#sweep().finally(() => this.#planSweep());
    });
  }

  #rung(tenantId: string): void {
    for (const group of this.#groups.values()) {
      if (group.key.tenantId === tenantId) void this.#read(group);
    }
  }

  #sweep(): Promise<void> {
    this.#sweeping ??= this.#compareAll().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #compareAll(): Promise<void> {
    if (this.#groups.size === 0 || this.#stopped) return;
    const places = Array.from(this.#groups.values(), ({ key }) => key);
    try {
      const revs = await this.#deps.database.asSystem((tx) => readGroupRevs(tx, places));
      this.#trouble.worked("sweep");
      for (const rev of revs) {
        const group = this.#groups.get(groupText(rev));
        const known = group?.current?.version;
        if (group === undefined) continue;
        if (known?.rev !== rev.rev || known.epoch !== rev.epoch) void this.#read(group);
      }
    } catch (error) {
      this.#trouble.failed("sweep", error);
    }
  }

  /** Reads the group now; a change that comes while it is being read is read afterwards. */
  #read(group: WatchedGroup): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (group.reading !== undefined) {
      group.again = true;
      return group.reading;
    }
    group.reading = this.#turns
      .run(() => this.#readUntilQuiet(group))
      .finally(() => {
        group.reading = undefined;
      });
    return group.reading;
  }

  async #readUntilQuiet(group: WatchedGroup): Promise<void> {
    do {
      group.again = false;
      // oxlint-disable-next-line no-await-in-loop -- one reading after the other
      await this.#readOnce(group);
    } while (group.again && !this.#stopped);
  }

  /** What cannot be read or built leaves what was published before in force. */
  async #readOnce(group: WatchedGroup): Promise<void> {
    const name = groupText(group.key);
    try {
      const deps = { ...this.#deps, bodies: this.#bodies };
      const published = await publishGroup(deps, group.key, group.current);
      this.#trouble.worked(name);
      if (published === undefined || published === group.current) return;
      this.#onPublished(published);
      group.current = published;
      for (const tell of group.listeners) tell(published.version);
      this.#save(published);
    } catch (error) {
      this.#trouble.failed(name, error);
    }
  }

  /** In the background: a manifest that is not saved costs a later node its difference, no more. */
  #save(published: Published): void {
    const saving = this.#saveNow(published)
      .catch((error: unknown) => this.#trouble.failed(`save ${groupText(published.key)}`, error))
      .finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }

  async #saveNow({ key, version, manifest, signature }: Published): Promise<void> {
    await this.#deps.database.asTenant(key.tenantId, async (tx) => {
      await saveManifest(tx, key, { version, entries: manifest, signature });
      if (version.rev % manifestsPruneSlack === 0) {
        await pruneManifests(tx, key, manifestsPerGroupKept);
      }
    });
    this.#trouble.worked(`save ${groupText(key)}`);
  }
}
