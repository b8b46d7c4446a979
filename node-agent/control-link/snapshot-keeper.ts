import { backoffMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { storeMsMax, storeRetryFirstMs, storeRetryMsMax } from "#shared/base/limits.ts";
import type { Snapshot } from "#shared/snapshot/snapshot.ts";

import { within } from "../runtime/within.ts";
import type { SnapshotStore } from "./snapshot-store.ts";

export interface KeeperDeps {
  readonly store: Pick<SnapshotStore, "put">;
  readonly clock: Clock;
  readonly random: () => number;
  /** The disk refused what runs, or took it at last; `detail` is the system's reason. */
  readonly onDurability: (durable: boolean, detail: string) => void;
}

/** Keeps the newest snapshot on disk, or keeps trying. */
export interface SnapshotKeeper extends Stoppable {
  /** Whether the snapshot is on disk, in time; if not, it is tried again later. Never rejects. */
  keep(snapshot: Snapshot): Promise<boolean>;
}

export function createSnapshotKeeper(deps: KeeperDeps): SnapshotKeeper {
  /** What the disk does not have yet. */
  let unsaved: Snapshot | undefined;
  let durable = true;
  let attempt = 0;
  let timer: Timer | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  const told = (now: boolean, detail: string): void => {
    if (now !== durable) deps.onDurability(now, detail);
    durable = now;
  };
  const write = async (snapshot: Snapshot): Promise<boolean> => {
    if (unsaved !== snapshot) return false;
    timer?.stop();
    try {
      await deps.store.put(snapshot);
      if (unsaved === snapshot) unsaved = undefined;
      attempt = 0;
      told(true, "");
      return true;
    } catch (error) {
      told(false, systemErrorCode(error) ?? errorText(error));
      retryLater();
      return false;
    }
  };
  /** One write at a time; what a newer snapshot overtook is not written. */
  const enqueue = (snapshot: Snapshot): Promise<boolean> => {
    const turn = writing.then(() => write(snapshot));
    writing = turn;
    return turn;
  };
  const retryLater = (): void => {
    const waitMs = backoffMs(
      attempt,
      { firstMs: storeRetryFirstMs, maxMs: storeRetryMsMax },
      deps.random,
    );
    attempt += 1;
    timer?.stop();
    timer = deps.clock.after(waitMs, () => {
      if (unsaved !== undefined) void enqueue(unsaved);
    });
  };

  /** What is not written in time counts as refused, until it is written after all. */
  const inTime = async (turn: Promise<boolean>): Promise<boolean> => {
    const outcome = await within(deps.clock, turn, { ms: storeMsMax, otherwise: "late" as const });
    if (outcome === "late") told(false, "the disk is too slow");
    return outcome === true;
  };

  return {
    name: "snapshot-keeper",
    keep: (snapshot) => {
      unsaved = snapshot;
      return inTime(enqueue(snapshot));
    },
    stop: async () => {
      unsaved = undefined;
      timer?.stop();
      await writing;
    },
  };
}
