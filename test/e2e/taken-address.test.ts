import { beforeAll, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { createBalancer, onlyNode } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

test("a taken address fails one balancer by name, the others serve, and it is served once the address is free", async () => {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(greet("served"));
  const holder = await startBackend(greet("somebody else"));

  const taken = await createBalancer(tenant, { port: holder.port, backends: [backend.port] });
  expect(taken.receipt.nodes).toMatchObject({ expected: 1, serving: 0, failed: 1 });
  expect(taken.receipt.stragglers[0]?.reason).toContain("EADDRINUSE");
  const port = await freePort();
  const other = await createBalancer(tenant, { port, backends: [backend.port] });

  expect(await ask(port)).toBe("served");
  const node = await onlyNode(tenant);
  expect(node).toMatchObject({
    state: "degraded",
    failing: 1,
    running: { revision: other.revision },
    errors: [{ id: taken.id, code: "EADDRINUSE", pointer: "/bind/0" }],
  });
  expect(node.errors[0]?.detail).toContain(String(holder.port));

  await holder.stop();
  await eventually(async () => expect(await ask(holder.port)).toBe("served"), { everyMs: 100 });
  await eventually(
    async () =>
      expect(await onlyNode(tenant)).toMatchObject({ state: "serving", failing: 0, errors: [] }),
    { everyMs: 100 },
  );
});

test("a second agent on the same host does not share an address silently", async () => {
  const backend = await startBackend(greet("first"));
  const port = await freePort();
  const first = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, first);
  await createBalancer(first, { port, backends: [backend.port] });

  const second = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, second);
  const taken = await createBalancer(second, { port, backends: [backend.port] });
  expect(taken.receipt.nodes).toMatchObject({ serving: 0, failed: 1 });
  expect(await onlyNode(second)).toMatchObject({ errors: [{ code: "EADDRINUSE" }] });
  expect(await ask(port)).toBe("first");
});
