import type { Disk } from "./disk.ts";

/**
 * Says in a file which process is the agent, for a supervisor that follows it. A reader finds the
 * old content or the new one, whole.
 *
 * @throws the system's error
 */
export async function writePidFile(disk: Disk, path: string, pid: number): Promise<void> {
  const beside = `${path}.new`;
  await disk.write(beside, `${pid}\n`, 0o644);
  await disk.rename(beside, path);
}
