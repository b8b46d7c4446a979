import { expect, onTestFinished, test } from "vitest";

import { clientHandshakeMsMax } from "#shared/base/limits.ts";

import { activeConnections, descriptorsOf, residentBytesOf } from "../support/agent-traffic.ts";
import { createTestAuthority } from "../support/certificate-authority.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { collectable, collectGarbage } from "../support/garbage-collection.ts";
import { askHonestly, floodOnce, type Flood } from "../support/handshake-flood.ts";
import { scaled } from "../support/scale.ts";
import { certificateFolder, startTlsAgent } from "../support/tls-agent.ts";
import { clientHello, openTlsClient } from "../support/tls-client.ts";

/** Whole handshakes at any time: the costliest for the agent, and for this process. */
const wasting = 2;
/** Connections of each kind at any time; each that ends is followed by another. */
const flood: readonly (readonly [how: Flood, count: number])[] = [
  ["silent", 300],
  ["slow", 200],
  ["idle-hello", 100],
  ["broken-off", 8],
  ["wasted", wasting],
];
const floodingMax = flood.reduce((sum, [, count]) => sum + count, 0);
const forMs = scaled(15_000, clientHandshakeMsMax + 2_000);
const pauseMs = 20;
/** Pipes that an engine keeps for later, and what its runtime opens meanwhile. */
const keptDescriptorsMax = 64;
/** What the allocators keep of a flood that is over. */
const keptBytesMax = 96 * 1024 ** 2;

test.for(await bothDrivers())(
  "a flood of handshakes that come to nothing ($driver): everyone honest is answered, nobody established is cut, and nothing of it stays",
  { timeout: forMs + 90_000 },
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await startBackend(echo);
    const folder = await certificateFolder(onTestFinished, await createTestAuthority());
    const certificates = [await folder.issue({ names: ["a.test"] })];
    const agent = await startTlsAgent(onTestFinished, {
      ...{ driver, folder, backend: backend.port, environment: collectable },
      balancers: { a: { certificates } },
    });
    const port = agent.portOf("a");
    const { pid } = agent.process;
    for (let warm = 0; warm < 20; warm += 1) {
      expect(await askHonestly(port, "hello")).toBe(undefined);
    }
    const established = await openTlsClient(port);
    established.send("before");
    await established.receives(6);
    await eventually(async () => (await activeConnections(agent.adminUrl)) === 1);
    await collectGarbage(agent.process);
    const before = { descriptors: descriptorsOf(pid), bytes: residentBytesOf(pid) };

    const over = new AbortController();
    const hello = await clientHello({ servername: "a.test" });
    let flooded = 0;
    const flooding = flood.flatMap(([how, count]) =>
      Array.from({ length: count }, async () => {
        while (!over.signal.aborted) {
          await floodOnce({ port, hello, how }, over.signal);
          flooded += 1;
          await pause();
        }
      }),
    );
    const problems: string[] = [];
    let [answered, peak] = [0, 0];
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const problem = await askHonestly(port, `honest ${answered}`);
      if (problem === undefined) answered += 1;
      else problems.push(problem);
      peak = Math.max(peak, descriptorsOf(pid));
    }
    over.abort();
    await Promise.all(flooding);

    expect(problems).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    established.send(" after");
    await established.receives(12);
    expect(established.text()).toBe("before after");
    // Nobody is dialled for a client that has not shaken hands: one descriptor each, and two for who has.
    const honest = 2 * (2 + wasting);
    expect(peak).toBeLessThanOrEqual(
      before.descriptors + floodingMax + honest + keptDescriptorsMax,
    );
    await eventually(() => descriptorsOf(pid) <= before.descriptors + keptDescriptorsMax, {
      withinMs: 30_000,
    });
    await collectGarbage(agent.process);
    await eventually(() => residentBytesOf(pid) <= before.bytes + keptBytesMax, {
      withinMs: 30_000,
    });
    const grownMb = Math.round((residentBytesOf(pid) - before.bytes) / 1024 ** 2);
    await annotate(
      `${answered} answered while ${flooded} came to nothing; up to ${peak - before.descriptors} descriptors more, ${grownMb} MB left`,
      "measured",
    );
    expect(agent.process.isRunning).toBe(true);
  },
);

/** Between two connections of one flooder: this process has to serve its honest clients as well. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
