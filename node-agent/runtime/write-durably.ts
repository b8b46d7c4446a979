import { dirname } from "node:path";

import type { Disk } from "./disk.ts";

export interface DurableFile {
  readonly path: string;
  readonly text: string;
  /** Permissions, such as 0o600. */
  readonly mode: number;
}

/**
 * Replaces a file so that a crash at any moment leaves the old content or the new one, and that
 * what this resolved for survives: write beside it, fsync, rename, fsync the folder.
 *
 * @throws the system's error; the old content then still stands
 */
export async function writeDurably(disk: Disk, file: DurableFile): Promise<void> {
  const beside = await writeBeside(disk, file);
  await disk.rename(beside, file.path);
  await disk.sync(dirname(file.path));
}

/** The first half: the new content, synced, under the name that is returned. */
export async function writeBeside(disk: Disk, file: DurableFile): Promise<string> {
  const beside = `${file.path}.new`;
  await disk.write(beside, file.text, file.mode);
  await disk.sync(beside);
  return beside;
}
