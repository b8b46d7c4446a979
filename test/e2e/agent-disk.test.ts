import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { joinNode, startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import { eventually } from "../support/eventually.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { linkedWithin, nodeIsConnected } from "../support/linked-agent.ts";
import { createBalancer, onlyNode, updateBalancer } from "../support/served-balancers.ts";
import { spoilableFolder } from "../support/spoilable-folder.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask, openClient } from "../support/test-client.ts";

describe("the agent's disk", () => {
  test.for(["full", "read-only"] as const)(
    "is %s: changes are served from memory, the API says not durable, and it heals by itself",
    async (how, { skip }) => {
      const disk = await spoilableFolder(onTestFinished, how);
      if (typeof disk === "string") return skip(disk);
      const { control } = await controlOnDatabase(onTestFinished);
      const tenant = await signUp(control.url);
      const folder = join(disk.folder, "agent");
      await joinNode(onTestFinished, control, tenant, folder);
      await startAgent(onTestFinished, folder);
      await nodeIsConnected(tenant);
      const backends = [await startBackend(greet("old")), await startBackend(greet("new"))];
      const [before = 0, after = 0] = backends.map((backend) => backend.port);
      const port = await freePort();
      const made = await createBalancer(tenant, { port, backends: [before] });
      expect(await onlyNode(tenant)).toMatchObject({ durable: true });

      await disk.spoil();
      const changed = await updateBalancer(tenant, made, { port, backends: [after] });
      expect(changed.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
      expect(await ask(port)).toBe("new");
      // The disk refuses while the node serves already; the API hears of it a moment later.
      const spoiled = { state: "serving", durable: false };
      await eventually(async () => expect(await onlyNode(tenant)).toMatchObject(spoiled));

      await disk.heal();
      await eventually(
        async () => expect(await onlyNode(tenant)).toMatchObject({ durable: true }),
        {
          withinMs: 60_000,
          everyMs: 200,
        },
      );
    },
  );

  test("holds a snapshot that somebody changed: it is not served, the one before is, and the API hears of it", async () => {
    const { control } = await controlOnDatabase(onTestFinished);
    const tenant = await signUp(control.url);
    const folder = await joinNode(onTestFinished, control, tenant);
    const agent = await startAgent(onTestFinished, folder);
    await nodeIsConnected(tenant);
    const backends = [await startBackend(greet("first")), await startBackend(greet("second"))];
    const [first = 0, second = 0] = backends.map((backend) => backend.port);
    const intruder = await startBackend(greet("intruder"));
    const port = await freePort();
    const made = await createBalancer(tenant, { port, backends: [first] });
    await updateBalancer(tenant, made, { port, backends: [second] });
    await control.process.kill();
    await agent.process.stop();

    await changeText(folder, "current.json", [`"port":${second}`, `"port":${intruder.port}`]);
    const again = await startAgent(onTestFinished, folder);
    expect(await ask(port)).toBe("first");
    await again.process.stop();

    await changeText(folder, "previous.json", [`"port":${first}`, `"port":${intruder.port}`]);
    await startAgent(onTestFinished, folder);
    const client = await openClient(port);
    await eventually(() => client.errorCode === "ECONNREFUSED");

    await control.startAgain();
    await eventually(async () => expect(await ask(port)).toBe("second"), linkedWithin);
    expect(intruder.accepted).toBe(0);
  });
});

/** Replaces a text in the one file of that name below the folder. */
async function changeText(
  folder: string,
  name: string,
  [from, to]: readonly [string, string],
): Promise<void> {
  const [path, ...others] = await Array.fromAsync(glob(`**/${name}`, { cwd: folder }));
  if (path === undefined || others.length > 0) throw new Error(`not one ${name} in ${folder}`);
  const text = await readFile(join(folder, path), "utf8");
  if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`);
  await writeFile(join(folder, path), text.replaceAll(from, to));
}
