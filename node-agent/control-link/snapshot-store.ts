import { join } from "node:path";

import { errorText } from "#shared/base/fault.ts";
import { crashLoopStartsMax, snapshotBytesMax } from "#shared/base/limits.ts";
import { snapshotSchema, type Snapshot } from "#shared/snapshot/snapshot.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";

import type { Disk } from "../runtime/disk.ts";
import { writeBeside } from "../runtime/write-durably.ts";
import { readStarts, writeStarts, type Starts } from "./snapshot-starts.ts";
import { verificationRefusal, type SnapshotOwner } from "./verify-snapshot.ts";

/** A snapshot file that is there and may not be used. */
export interface UnusableFile {
  readonly file: "current" | "previous";
  /** A refusal of the snapshot, `unreadable`, or `crash-loop`. */
  readonly why: string;
  readonly detail: string;
}

/** What a start finds on disk. */
export interface FoundSnapshot {
  /** The newest one that may be used. */
  readonly snapshot: Snapshot | undefined;
  readonly unusable: readonly UnusableFile[];
  /** The version that is not used because the agent kept dying on it. */
  readonly reverted: Version | undefined;
}

/**
 * The last good snapshots on disk. `current` is what runs; `previous` is the one to fall back to:
 * the last that proved itself by running for a while, or else the one before.
 *
 * INVARIANT: whatever step a crash comes after, at least one of the two files holds a snapshot that
 * was accepted before, whole.
 */
export interface SnapshotStore {
  /** Finds and verifies what to run, and counts this start. Called once, first. */
  start(): Promise<FoundSnapshot>;
  /** Makes a snapshot `current`. @throws the system's error; the files are then as good as before */
  put(snapshot: Snapshot): Promise<void>;
  /** This start survived: it was no crash, and what runs may become `previous`. */
  proven(version: Version | undefined): Promise<void>;
  /** Ends well before it is proven: the start is not counted as a crash. */
  ended(): Promise<void>;
  /** The version that the agent kept dying on: not to be run again. */
  reverted(): Version | undefined;
}

export function createSnapshotStore(
  disk: Disk,
  folder: string,
  owner: SnapshotOwner,
): SnapshotStore {
  const path = (file: string): string => join(folder, `${file}.json`);
  let starts: Starts = { version: null, count: 0, proven: null, reverted: null };
  /** What the two files hold, as far as it may be used. */
  let current: Version | undefined;
  let previous: Version | undefined;

  const load = async (file: "current" | "previous"): Promise<Loaded> =>
    loaded(await readFile(disk, path(file)), { file, owner });

  const saveStarts = async (next: Starts): Promise<void> => {
    starts = next;
    await writeStarts(disk, folder, next);
  };

  /** `previous` is worth keeping when it is proven and `current` is not. */
  const rotates = (): boolean => {
    if (current === undefined) return false;
    return sameAs(current, starts.proven) || !sameAs(previous, starts.proven);
  };

  return {
    start: async () => {
      await prepared(disk, folder);
      starts = await readStarts(disk, folder);
      const [newest, older] = [await load("current"), await load("previous")];
      const { snapshot, looped } = chosen(newest, older, starts);
      const reverted = looped ? newest.snapshot?.version : undefined;
      current = looped ? undefined : newest.snapshot?.version;
      previous = older.snapshot?.version;
      // A disk that takes no writes must not keep traffic from being served.
      await saveStarts(countedStart(starts, { running: snapshot?.version, reverted })).catch(
        () => undefined,
      );
      const unusable = [newest, older].flatMap((file) => file.unusable ?? []);
      return { snapshot, unusable, reverted };
    },
    put: async (snapshot) => {
      const text = JSON.stringify(snapshot);
      const beside = await writeBeside(disk, { path: path("current"), text, mode: 0o600 });
      if (rotates()) {
        await disk.rename(path("current"), path("previous"));
        [previous, current] = [current, undefined];
      }
      await disk.rename(beside, path("current"));
      current = snapshot.version;
      await disk.sync(folder);
    },
    proven: (version) => saveStarts({ ...starts, count: 0, proven: version ?? starts.proven }),
    ended: () => saveStarts({ ...starts, count: 0 }),
    reverted: () => starts.reverted ?? undefined,
  };
}

/** A folder that cannot be made holds nothing; storing will say why. */
async function prepared(disk: Disk, folder: string): Promise<void> {
  await disk.makeFolder(folder, 0o700).catch(() => undefined);
}

interface Loaded {
  readonly snapshot: Snapshot | undefined;
  readonly unusable: UnusableFile | undefined;
}

interface Choice {
  readonly snapshot: Snapshot | undefined;
  /** `current` is good, but every start on it died. */
  readonly looped: boolean;
}

function chosen(newest: Loaded, older: Loaded, starts: Starts): Choice {
  if (newest.snapshot === undefined) return { snapshot: older.snapshot, looped: false };
  const { version } = newest.snapshot;
  if (older.snapshot === undefined) return { snapshot: newest.snapshot, looped: false };
  const died = sameAs(version, starts.version) && starts.count >= crashLoopStartsMax;
  const looped = died || sameAs(version, starts.reverted);
  return { snapshot: looped ? older.snapshot : newest.snapshot, looped };
}

function countedStart(
  starts: Starts,
  start: { readonly running: Version | undefined; readonly reverted: Version | undefined },
): Starts {
  const again = start.running !== undefined && sameAs(start.running, starts.version);
  return {
    ...starts,
    version: start.running ?? null,
    count: again ? starts.count + 1 : 1,
    reverted: start.reverted ?? starts.reverted,
  };
}

type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly detail: string };

/** A body's JSON is at most this much bigger on disk: hashes, ids, sealed secrets. */
const fileBytesMax = 2 * snapshotBytesMax;

async function readFile(disk: Disk, path: string): Promise<FileText> {
  try {
    const text = await disk.read(path, fileBytesMax);
    return text === undefined ? { kind: "missing" } : { kind: "text", text };
  } catch (error) {
    return { kind: "unreadable", detail: errorText(error) };
  }
}

function loaded(
  file: FileText,
  which: { readonly file: UnusableFile["file"]; readonly owner: SnapshotOwner },
): Loaded {
  switch (file.kind) {
    case "missing":
      return { snapshot: undefined, unusable: undefined };
    case "unreadable":
      return unusable(which.file, "unreadable", file.detail);
    case "text":
      return verified(file.text, which);
  }
}

function verified(
  text: string,
  which: { readonly file: UnusableFile["file"]; readonly owner: SnapshotOwner },
): Loaded {
  const snapshot = parsedSnapshot(text);
  if (snapshot === undefined) return unusable(which.file, "unreadable", "not a snapshot");
  const refusal = verificationRefusal(snapshot, which.owner);
  if (refusal !== undefined) return unusable(which.file, refusal, "it was changed on disk");
  return { snapshot, unusable: undefined };
}

function unusable(file: UnusableFile["file"], why: string, detail: string): Loaded {
  return { snapshot: undefined, unusable: { file, why, detail } };
}

function parsedSnapshot(text: string): Snapshot | undefined {
  try {
    const parsed = snapshotSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function sameAs(version: Version | undefined, other: Version | null): boolean {
  return version !== undefined && other !== null && sameVersion(version, other);
}
