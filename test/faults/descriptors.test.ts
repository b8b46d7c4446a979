import { expect, onTestFinished, test } from "vitest";

import { activeConnections, descriptorsOf, entryOn } from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { bestRound, timed } from "../support/best-round.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { findProgram, outputOf } from "../support/run-command.ts";
import { openClient } from "../support/test-client.ts";

/** Descriptors that the agent has left for connections. */
const room = 60;

test.for(await bothDrivers())(
  "X-TCP-22 out of descriptors ($driver), and released: new connections are served within 2 s",
  async ({ driver, missing }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    if ((await findProgram("prlimit")) === undefined) return skip("no prlimit (util-linux)");
    const backend = await startBackend(echo);
    const agent = await agentUnderTest(onTestFinished);
    const port = await freePort();
    await agent.store(
      agent.publisher.snapshot(1, [entryOn("bal_a", { port, backend: backend.port })]),
    );
    const { process: running, adminUrl } = await agent.run("--relay", driver, "--workers", "1");
    const limit = descriptorsOf(running.pid) + room;
    await outputOf(["prlimit", "--pid", String(running.pid), `--nofile=${limit}:${limit}`]);

    const tookMs = await bestRound(2_000, async () => {
      const clients = await Promise.all(Array.from({ length: 2 * room }, () => openClient(port)));
      for (const client of clients) client.send("x");
      // Some are served, and the rest cannot be: the agent has reached the end of its descriptors.
      await eventually(() => clients.some(({ closed, ended }) => closed || ended));
      await eventually(() => clients.some(({ receivedBytes }) => receivedBytes > 0));
      expect(clients.filter(({ receivedBytes }) => receivedBytes > 0).length).toBeLessThan(room);

      for (const client of clients) client.socket.destroy();
      const servedMs = await timed(() =>
        eventually(async () => {
          const client = await openClient(port);
          client.send("again");
          await client.receives("again".length, 500).finally(() => client.socket.destroy());
        }),
      );
      await eventually(async () => (await activeConnections(adminUrl)) === 0);
      return servedMs;
    });
    expect(tookMs).toBeLessThan(2_000);
    expect(running.isRunning).toBe(true);
  },
);
