import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { newKeyPair } from "#shared/snapshot/keys.ts";

import { createSnapshotStore } from "../../../node-agent/control-link/snapshot-store.ts";
import { hostDisk } from "../../../node-agent/runtime/disk.ts";
import { eventually } from "../../support/eventually.ts";
import { repository } from "../../support/processes.ts";
import { Publisher } from "../../support/publisher.ts";
import { scaled } from "../../support/scale.ts";

const writer = join(repository, "test/support/store-writer-main.ts");

test("a process that is killed while it stores, again and again: the next start finds what was stored last, whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "midstream-store-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const keys = newKeyPair("ed25519");
  const publisher = new Publisher(keys);
  let lastRev = 0;
  for (let round = 0; round < scaled(8, 3); round += 1) {
    const printed = await killedAfter(folder, JSON.stringify(keys), Math.random() * 60);
    const store = createSnapshotStore(hostDisk(), folder, publisher.owner());
    const found = await store.start();
    await store.ended();
    expect(found.unusable).toEqual([]);
    // What was printed is stored; one more may have been under way.
    expect(found.snapshot?.version.rev).toBeGreaterThanOrEqual(printed);
    expect(found.snapshot?.version.rev).toBeLessThanOrEqual(printed + 2);
    expect(printed).toBeGreaterThan(lastRev);
    lastRev = printed;
  }
});

/** Runs the writer, kills it some time after its first word, and says which revision it told last. */
async function killedAfter(folder: string, keys: string, lifeMs: number): Promise<number> {
  const child = spawn(process.execPath, [writer, folder, keys], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await eventually(() => text.includes("\n"));
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  child.kill("SIGKILL");
  await closed;
  const lines = text.split("\n").slice(0, -1);
  return Number(lines.at(-1));
}
