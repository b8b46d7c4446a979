import { closeSync, existsSync, openSync } from "node:fs";

/**
 * A path by which this process, all its threads included, reaches the addon that lies in a file
 * now: also when the file is moved, removed or replaced later. The system tells libraries apart by
 * device and inode, so whoever loads it by this path gets the one that is in memory already.
 *
 * It is held for as long as the process lives, whatever comes of loading it. A worker may have to be
 * replaced at any time, and a name with another file behind it, as that of a descriptor whose number
 * is used again, would still mean the first one to the linker (`dlopen`).
 *
 * @returns the file itself where it cannot be held: the system shows no open descriptors, say
 */
export function heldAddon(file: string): string {
  const descriptor = opened(file);
  if (descriptor === undefined) return file;
  const held = `/proc/self/fd/${descriptor}`;
  if (existsSync(held)) return held;
  closeSync(descriptor);
  return file;
}

function opened(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch {
    // Why, whoever loads it tells.
    return undefined;
  }
}
