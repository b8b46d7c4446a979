import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import { startControl } from "../support/control-process.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { createBalancer, updateBalancer } from "../support/served-balancers.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

/** What the design promises when no doorbell is heard. */
const convergenceMsMax = 5_000;

/** Two control planes on one database; both have the one master key. */
async function twoControls(args: readonly string[]) {
  const { control: first, database } = await controlOnDatabase(onTestFinished, { args });
  const key = ["--master-key-file", join(first.dataFolder, "master-key")];
  const second = await startControl(onTestFinished, {
    databaseUrl: database.url,
    args: [...args, ...key],
  });
  return { first, second };
}

describe("several control planes on one database", () => {
  test("a write at one reaches the node that is linked to the other", async ({ annotate }) => {
    const { first, second } = await twoControls([]);
    const tenant = await signUp(first.url);
    await startLinkedAgent(onTestFinished, second, tenant.at(second.url));
    const backend = await startBackend(greet("across"));
    const port = await freePort();
    const startedMs = performance.now();
    const balancer = await createBalancer(tenant, { port, backends: [backend.port] });
    await annotate(`served after ${Math.round(performance.now() - startedMs)} ms`, "measured");
    expect(balancer.receipt.nodes).toMatchObject({ expected: 1, serving: 1 });
    expect(await ask(port)).toBe("across");
  });

  test("without NOTIFY the sweep brings every change within five seconds", async ({ annotate }) => {
    const { first, second } = await twoControls(["--no-notify"]);
    const tenant = await signUp(first.url);
    await startLinkedAgent(onTestFinished, second, tenant.at(second.url));
    const backends = [await startBackend(greet("old")), await startBackend(greet("new"))];
    const [before = 0, after = 0] = backends.map((backend) => backend.port);
    const port = await freePort();
    const timesMs: number[] = [];
    const timed = async <T>(change: () => Promise<T>): Promise<T> => {
      const startedMs = performance.now();
      const outcome = await change();
      timesMs.push(Math.round(performance.now() - startedMs));
      return outcome;
    };
    const made = await timed(() => createBalancer(tenant, { port, backends: [before] }));
    expect(made.receipt.nodes.serving).toBe(1);
    const changed = await timed(() => updateBalancer(tenant, made, { port, backends: [after] }));
    expect(changed.receipt.nodes.serving).toBe(1);
    expect(await ask(port)).toBe("new");
    expect(Math.max(...timesMs)).toBeLessThan(convergenceMsMax);
    await annotate(`two changes were served after ${timesMs.join(" and ")} ms`, "measured");
  });
});
