import { spawn } from "node:child_process";

import { copyProgram } from "./copy-program.ts";
import type { Docker } from "./docker.ts";
import type { Cleanup } from "./processes.ts";
import { findProgram } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** An image whose containers do nothing, for as long as they live. Returns its name. */
export async function importSleepingImage(cleanup: Cleanup, docker: Docker): Promise<string> {
  const root = await temporaryFolder(cleanup);
  const sleep = await findProgram("sleep");
  if (sleep === undefined) throw new Error("sleep is not installed");
  await copyProgram(sleep, { root, name: "sleep" });
  const name = "midstream-test/sleeping:1";
  const tar = spawn("tar", ["--directory", root, "--create", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await docker.run(
    ["import", "--change", 'CMD ["/usr/bin/sleep", "1000000"]', "-", name],
    tar.stdout,
  );
  return name;
}
