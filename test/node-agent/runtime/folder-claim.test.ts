import { spawn } from "node:child_process";
import { once } from "node:events";
import { symlink } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { claimFolder } from "../../../node-agent/runtime/folder-claim.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("folder claim", () => {
  test("a folder has one holder, by whatever name it is reached; given back, it can be claimed again", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const alias = join(await temporaryFolder(onTestFinished), "alias");
    await symlink(folder, alias);
    const claim = await claimFolder(folder);
    await expect(claimFolder(alias)).rejects.toMatchObject({ code: "runtime/folder-in-use" });
    await claim.stop();
    const again = await claimFolder(alias);
    await again.stop();
  });

  test("a claim that another process took over keeps the folder when its first holder lets go", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const claim = await claimFolder(folder);
    const heir = spawn("sleep", ["60"], {
      stdio: ["ignore", "ignore", "ignore", claim.descriptor()],
    });
    onTestFinished(() => void heir.kill("SIGKILL"));
    await once(heir, "spawn");
    await claim.stop();
    await expect(claimFolder(folder)).rejects.toMatchObject({ code: "runtime/folder-in-use" });
    heir.kill("SIGKILL");
    await once(heir, "exit");
    const again = await claimFolder(folder);
    await again.stop();
  });
});
