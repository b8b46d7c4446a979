import { readdirSync, readlinkSync } from "node:fs";

/** Sockets that this process holds open (Linux): what is left over shows here. */
export function openSockets(): number {
  return readdirSync("/proc/self/fd").filter(isSocket).length;
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    // Closed between listing and looking: the folder's own descriptor is.
    return false;
  }
}
