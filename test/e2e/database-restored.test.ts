import { rm } from "node:fs/promises";

import { expect, onTestFinished, test, vi } from "vitest";

import { startAgent, joinNode } from "../support/agent-process.ts";
import { startControl } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { linkedWithin } from "../support/linked-agent.ts";
import { startProcess } from "../support/processes.ts";
import { outputOf } from "../support/run-command.ts";
import { createBalancer, onlyNode, updateBalancer } from "../support/served-balancers.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";
import { throughout } from "../support/throughout.ts";

// Five starts of an embedded database, on a host that may be busy: a bound against hanging.
vi.setConfig({ testTimeout: 400_000 });

/** As a backup would: owners and modes too, for Postgres runs as a user of its own under root. */
async function copied(from: string, to: string): Promise<void> {
  await outputOf(["cp", "-a", from, to]);
}

test("a database from before: nodes keep what is newer until the epoch is raised, then take what it has", async () => {
  let control = await startControl(onTestFinished);
  const { dataFolder } = control;
  const backup = `${dataFolder}.backup`;
  onTestFinished(() => rm(backup, { recursive: true, force: true }));
  const tenant = await signUp(control.url);
  await startAgent(onTestFinished, await joinNode(onTestFinished, control, tenant));
  await eventually(
    async () => expect(await onlyNode(tenant)).toMatchObject({ connected: true }),
    linkedWithin,
  );
  const [old, newer, newest] = [
    await startBackend(greet("old")),
    await startBackend(greet("newer")),
    await startBackend(greet("newest")),
  ];
  const [port, otherPort] = [await freePort(), await freePort()];
  const balancer = await createBalancer(tenant, { port, backends: [old.port] });
  expect(await ask(port)).toBe("old");

  await control.process.stop();
  await copied(dataFolder, backup);
  control = await control.startAgain();
  await updateBalancer(tenant, balancer, { port, backends: [newer.port] });
  await createBalancer(tenant, { port: otherPort, backends: [newer.port] });
  await eventually(async () => expect(await ask(otherPort)).toBe("newer"), linkedWithin);

  await control.process.stop();
  await rm(dataFolder, { recursive: true });
  await copied(backup, dataFolder);
  control = await control.startAgain();
  await eventually(
    async () => expect(await onlyNode(tenant)).toMatchObject({ connected: true }),
    linkedWithin,
  );
  await throughout(
    async () => {
      expect(await ask(port)).toBe("newer");
      expect(await ask(otherPort)).toBe("newer");
      expect(await onlyNode(tenant)).toMatchObject({ state: "updating", running: { revision: 3 } });
    },
    { forMs: 3_000 },
  );
  expect(control.process.output()).toContain("node-ahead");

  await control.process.stop();
  const raising = startProcess(onTestFinished, {
    name: "raise-epoch",
    command: ["control/main.ts", "raise-epoch", "--data", dataFolder],
  });
  expect(await raising.ended).toMatchObject({ code: 0 });
  expect(raising.output()).toContain("database.epoch-raised");
  control = await control.startAgain();
  await eventually(
    async () => expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" }),
    linkedWithin,
  );
  expect(await ask(port)).toBe("old");
  expect(await ask(otherPort), "nobody listens there any more").toBe("");
  const changed = await updateBalancer(tenant, balancer, { port, backends: [newest.port] });
  expect(changed.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  expect(await ask(port)).toBe("newest");
});
