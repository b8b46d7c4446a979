import type { Stoppable } from "#shared/base/lifetime.ts";
import { pidFileBytesMax } from "#shared/base/limits.ts";

import type { Disk } from "./disk.ts";

/**
 * Says in a file which process is the agent, for a supervisor that follows it. A reader finds the
 * old content or the new one, whole. Stopping it removes the file, unless it names another process
 * by then: the one that has taken this one's place.
 *
 * @throws the system's error
 */
export async function writePidFile(disk: Disk, path: string, pid: number): Promise<Stoppable> {
  const beside = `${path}.new`;
  await disk.write(beside, `${pid}\n`, 0o644);
  await disk.rename(beside, path);
  return {
    name: "pid file",
    stop: async () => {
      const text = await disk.read(path, pidFileBytesMax);
      if (text?.trim() === String(pid)) await disk.remove(path);
    },
  };
}
