import { chmod, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Cleanup } from "./processes.ts";
import { outputOf, runCommand } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A folder whose disk can be made to refuse writes. */
export interface SpoilableFolder {
  readonly folder: string;
  spoil(): Promise<void>;
  heal(): Promise<void>;
}

export type SpoiltHow = "full" | "read-only";

/**
 * Makes one: a small file system of its own where that can be mounted (root), else a folder whose
 * permissions can be taken. Gives a text saying why when neither can be.
 */
export async function spoilableFolder(
  cleanup: Cleanup,
  how: SpoiltHow,
): Promise<SpoilableFolder | string> {
  const folder = await temporaryFolder(cleanup, 0o700);
  if (process.getuid?.() !== 0) {
    return how === "full" ? "only root can mount a small disk" : byPermissions(cleanup, folder);
  }
  const options = "size=512k,mode=0700";
  const mounted = await runCommand(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]);
  if (mounted.code !== 0) return `no disk can be mounted: ${mounted.stderr.trim()}`;
  cleanup(async () => {
    await outputOf(["umount", folder]);
  });
  return how === "full" ? filling(folder) : remounting(folder);
}

function filling(folder: string): SpoilableFolder {
  const filler = join(folder, "filler");
  return {
    folder,
    spoil: async () => {
      // What fits is written, then the disk refuses: that is the point.
      await writeFile(filler, Buffer.alloc(1024 * 1024)).catch(() => undefined);
    },
    heal: () => rm(filler),
  };
}

function remounting(folder: string): SpoilableFolder {
  const remount = async (mode: "ro" | "rw"): Promise<void> => {
    await outputOf(["mount", "-o", `remount,${mode}`, folder]);
  };
  return { folder, spoil: () => remount("ro"), heal: () => remount("rw") };
}

function byPermissions(cleanup: Cleanup, folder: string): SpoilableFolder {
  cleanup(() => setModes(folder, 0o700));
  return {
    folder,
    spoil: () => setModes(folder, 0o500),
    heal: () => setModes(folder, 0o700),
  };
}

/** Of the folder and those below it: each refuses for itself. */
async function setModes(folder: string, mode: number): Promise<void> {
  await chmod(folder, mode);
  const entries = await readdir(folder, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory());
  await Promise.all(below.map(({ name }) => setModes(join(folder, name), mode)));
}
