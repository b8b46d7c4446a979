import { beforeAll, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { page, startPages } from "../support/page-server.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

test("a source's secret goes from the API to the source, and shows nowhere on its way; its failures show as events", async () => {
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(greet("discovered"));
  const pages = await startPages((request, response) => {
    const isKnown = request.headers.authorization === "Bearer hush-hush";
    response.writeHead(isKnown ? 200 : 401).end(`127.0.0.1:${backend.port}\n`);
  });
  const port = await freePort();
  const discovery = {
    kind: "multi",
    sources: [
      { kind: "plaintext", endpoint: pages.origin, interval: "100ms", bearerToken: "hush-hush" },
    ],
  };
  const balancer = await createBalancer(tenant, { port, backends: [], more: { discovery } });
  expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  expect(await ask(port)).toBe("discovered");

  const path = `/v1/balancers/${balancer.id}`;
  expect(await tenant.demand("GET", path)).toMatchObject({
    discovery: { sources: [{ bearerToken: { secret: expect.stringMatching(/^sec_/) } }] },
  });
  pages.answer = page("hush-hush", 500);
  const events = await eventually(
    async () => {
      const answer = await tenant.demand("GET", `/v1/events?balancer=${balancer.id}`);
      expect(JSON.stringify(answer)).toContain("discovery.failed");
      return answer;
    },
    { withinMs: 20_000, everyMs: 100 },
  );
  expect(events).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({
        kind: "discovery.failed",
        detail: expect.stringMatching(/^\/discovery\/sources\/0 \(plaintext\) bad-status: .*500/),
      }),
    ]),
  });
  expect(await ask(port)).toBe("discovered");
  const shown = [events, await tenant.demand("GET", path), await tenant.demand("GET", "/v1/audit")];
  expect(JSON.stringify(shown)).not.toContain("hush-hush");
  expect(agent.process.output()).not.toContain("hush-hush");
  expect(control.process.output()).not.toContain("hush-hush");
});
