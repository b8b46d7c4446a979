import { join } from "node:path";

import { z } from "zod";

import { agentFileBytesMax } from "#shared/base/limits.ts";
import { versionSchema } from "#shared/snapshot/version.ts";

import type { Disk } from "../runtime/disk.ts";
import { writeDurably } from "../runtime/write-durably.ts";

const startsSchema = z.object({
  /** What the last start ran. */
  version: versionSchema.nullable(),
  /** Starts on it since one survived. */
  count: z.int().min(0),
  /** The last version that ran for a while. */
  proven: versionSchema.nullable(),
  /** The version that starts kept dying on. */
  reverted: versionSchema.nullable(),
});

/** What is remembered about starts, to tell a crash loop from bad luck. */
export type Starts = z.output<typeof startsSchema>;

const none: Starts = { version: null, count: 0, proven: null, reverted: null };

/** A missing or damaged file only forgets the count. */
export async function readStarts(disk: Disk, folder: string): Promise<Starts> {
  try {
    const text = await disk.read(startsPath(folder), agentFileBytesMax);
    return text === undefined ? none : startsSchema.parse(JSON.parse(text));
  } catch {
    return none;
  }
}

/** @throws the system's error */
export function writeStarts(disk: Disk, folder: string, starts: Starts): Promise<void> {
  return writeDurably(disk, {
    path: startsPath(folder),
    text: `${JSON.stringify(starts)}\n`,
    mode: 0o600,
  });
}

function startsPath(folder: string): string {
  return join(folder, "starts.json");
}
