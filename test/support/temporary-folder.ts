import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Cleanup } from "./processes.ts";

/** A folder of one's own, removed at the end. Others may pass through it, as through /tmp itself. */
export async function temporaryFolder(cleanup: Cleanup, mode = 0o755): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "midstream-test-"));
  await chmod(folder, mode);
  cleanup(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
