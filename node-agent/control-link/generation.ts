import { join } from "node:path";

import { z } from "zod";

import type { Clock } from "#shared/base/clock.ts";
import { agentFileBytesMax, storeMsMax } from "#shared/base/limits.ts";

import type { Disk } from "../runtime/disk.ts";
import { within } from "../runtime/within.ts";
import { writeDurably } from "../runtime/write-durably.ts";

/** Numbers this node's connects: the control plane keeps the newest and refuses older ones. */
export interface Generations {
  /** The number of the link that is open, or was last. */
  current(): number;
  /** The next number; on disk before it is used. */
  next(): Promise<number>;
  /** The control plane knows a higher number than the one it was told last. */
  refused(): void;
  /** Another process has used numbers up to this one meanwhile. */
  raiseTo(generation: number): void;
}

const fileSchema = z.object({ generation: z.int().min(0) });

/**
 * Opens the counter in this folder. It starts at the seconds since 1970 unless the file has more:
 * above every number so far, also those that a full disk or a restored image has forgotten. Where the
 * file cannot be written (in time) it jumps there again. Should that not be enough, because a clock
 * was wrong once, every refusal makes it leap, twice as far each time.
 */
export async function openGenerations(
  disk: Disk,
  folder: string,
  clock: Clock,
): Promise<Generations> {
  const path = join(folder, "link.json");
  const jumped = (): number => Math.floor(clock.nowMs() / 1_000);
  let generation = Math.max((await readGeneration(disk, path)) ?? 0, jumped());
  let leap = 1;
  return {
    current: () => generation,
    next: async () => {
      const written = writeGeneration(disk, path, generation + 1);
      const stored = await within(clock, written, { ms: storeMsMax, otherwise: false });
      generation = stored ? generation + 1 : Math.max(generation + 1, jumped());
      return generation;
    },
    refused: () => {
      generation = Math.max(generation + leap, jumped());
      leap = Math.min(2 * leap, leapMax);
    },
    raiseTo: (used) => {
      generation = Math.max(generation, used);
    },
  };
}

/** About 68 years of seconds. */
const leapMax = 2 ** 31;

async function writeGeneration(disk: Disk, path: string, generation: number): Promise<boolean> {
  try {
    await writeDurably(disk, { path, text: `${JSON.stringify({ generation })}\n`, mode: 0o600 });
    return true;
  } catch {
    return false;
  }
}

async function readGeneration(disk: Disk, path: string): Promise<number | undefined> {
  try {
    const text = await disk.read(path, agentFileBytesMax);
    return text === undefined ? 0 : fileSchema.parse(JSON.parse(text)).generation;
  } catch {
    return undefined;
  }
}
