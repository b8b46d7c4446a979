import { expect, onTestFinished, test } from "vitest";

import { entryOn } from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { RevisionPusher } from "../support/revision-pusher.ts";
import { scaled } from "../support/scale.ts";
import { openClient } from "../support/test-client.ts";

const applies = scaled(1_000, 50);
const connections = 500;

test.for(await bothDrivers())(
  "many applies under live connections ($driver): nothing of an untouched balancer is reset, and no health state begins anew",
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await startBackend(echo);
    const dying = await startBackend(echo);
    const agent = await agentUnderTest(onTestFinished);
    const [port, other] = [await freePort(), await freePort()];
    const untouched = entryOn(
      "bal_untouched",
      { port, backend: backend.port },
      {
        // So slow that a backend whose state began anew would be seen as live again for long.
        healthcheck: { kind: "ping", interval: "1h", timeout: "30s", fails: 1, passes: 1 },
        discovery: {
          kind: "static",
          backends: [backend, dying].map(({ port: at }) => ({ host: "127.0.0.1", port: at })),
        },
      },
    );
    await dying.stop();
    const touched = (weight: number) =>
      entryOn(
        "bal_touched",
        { port: other, backend: backend.port },
        {
          discovery: {
            kind: "static",
            backends: [{ host: "127.0.0.1", port: backend.port, weight }],
          },
        },
      );
    const first = agent.publisher.snapshot(1, [untouched, touched(1)]);
    await agent.store(first);
    const { adminUrl } = await agent.run("--relay", driver, "--workers", "2");
    await eventually(async () => (await liveOf(adminUrl, dying.port)) === false);
    const clients = await Promise.all(
      Array.from({ length: connections }, async () => {
        const client = await openClient(port);
        client.send("a");
        await client.receives(1);
        return client;
      }),
    );

    const pusher = new RevisionPusher(await agent.control.link(1), agent.publisher, first);
    const startedMs = performance.now();
    for (let apply = 1; apply <= applies; apply += 1) {
      await pusher.push([untouched, touched(1 + (apply % 100))]);
    }
    const eachMs = (performance.now() - startedMs) / applies;
    await annotate(`${driver}: ${eachMs.toFixed(1)} ms an apply, of ${applies}`, "measured");

    for (const client of clients) client.send("b");
    await eventually(() => clients.every(({ receivedBytes }) => receivedBytes === 2));
    expect(clients.filter(({ closed, ended }) => closed || ended)).toHaveLength(0);
    expect(await liveOf(adminUrl, dying.port)).toBe(false);
  },
);

async function liveOf(adminUrl: string, port: number): Promise<boolean | undefined> {
  const answer: unknown = await (await fetch(`${adminUrl}/status.json`)).json();
  const { balancers } = answer as {
    balancers: readonly { id: string; backends: readonly { name: string; live: boolean }[] }[];
  };
  const { backends = [] } = balancers.find(({ id }) => id === "bal_untouched") ?? {};
  return backends.find(({ name }) => name.endsWith(`:${port}`))?.live;
}
