import { expect, onTestFinished, test } from "vitest";

import { clientHandshakeMsMax } from "#shared/base/limits.ts";

import {
  activeConnections,
  balancerMetric,
  descriptorsOf,
  residentBytesOf,
} from "../support/agent-traffic.ts";
import { createTestAuthority } from "../support/certificate-authority.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { collectable, collectGarbage } from "../support/garbage-collection.ts";
import { askHonestly, startFlood, type Flood } from "../support/handshake-flood.ts";
import { scaled } from "../support/scale.ts";
import { steadyRequests } from "../support/steady-requests.ts";
import {
  certificateFolder,
  startTlsAgent,
  type TlsAgent,
  type TlsAgentSpec,
} from "../support/tls-agent.ts";
import { clientHello, openTlsClient } from "../support/tls-client.ts";

/** Whole handshakes at any time: the costliest for the agent, and for this process. */
const wasting = 2;
/** Connections of each kind at any time; each that ends is followed by another. */
const everyKind: readonly (readonly [how: Flood, count: number])[] = [
  ["silent", 300],
  ["slow", 200],
  ["idle-hello", 100],
  ["broken-off", 8],
  ["wasted", wasting],
];
const floodingMax = everyKind.reduce((sum, [, count]) => sum + count, 0);
const forMs = scaled(15_000, clientHandshakeMsMax + 2_000);
/** Connections that are open before the flood and ask on throughout. */
const establishedCount = 4;
/** `limits/maxConnections` of the balancer that has one: far fewer than those who flood it. */
const placesMax = 20;
/** Pipes that an engine keeps for later, and what its runtime opens meanwhile. */
const keptDescriptorsMax = 64;
/** What the allocators keep of a flood that is over. */
const keptBytesMax = 96 * 1024 ** 2;

const drivers = await bothDrivers();

test.for(drivers)(
  "a flood of handshakes that come to nothing ($driver): everyone honest is answered, every request of who was established too, and nothing of it stays",
  { timeout: forMs + 240_000 },
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    const agent = await flooded({ driver, balancers: ["a"], environment: collectable });
    const port = agent.portOf("a");
    const { pid } = agent.process;
    for (let warm = 0; warm < 20; warm += 1) {
      expect(await askHonestly(port, "hello")).toBe(undefined);
    }
    const established = await Promise.all(
      Array.from({ length: establishedCount }, () => openTlsClient(port)),
    );
    await eventually(async () => (await activeConnections(agent.adminUrl)) === establishedCount);
    await collectGarbage(agent.process);
    const before = { descriptors: descriptorsOf(pid), bytes: residentBytesOf(pid) };

    const requests = established.map((client) => steadyRequests(client));
    const hello = await clientHello({ servername: "a.test" });
    const flood = startFlood({ port, hello, clients: everyKind });
    const problems: string[] = [];
    let [answered, descriptors, open] = [0, 0, 0];
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const problem = await askHonestly(port, `honest ${answered}`);
      if (problem === undefined) answered += 1;
      else problems.push(problem);
      descriptors = Math.max(descriptors, descriptorsOf(pid));
      open = Math.max(open, await activeConnections(agent.adminUrl));
    }
    const over = Object.fromEntries(everyKind.map(([how]) => [how, flood.over(how)]));
    const waited = flood.over("silent") + flood.over("slow") + flood.over("idle-hello");
    await Promise.all(requests.map((one) => one.stop()));
    await flood.stop();

    expect(problems).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    for (const one of requests) expect(one.answered).toBeGreaterThan(0);
    // Nobody is dialled for a client that has not shaken hands: one descriptor each, and two for who has.
    expect(descriptors).toBeLessThanOrEqual(
      before.descriptors + floodingMax + 2 * (2 + wasting) + keptDescriptorsMax,
    );
    await eventually(async () => (await activeConnections(agent.adminUrl)) === establishedCount);
    // Who resets at once may be gone before anybody looks.
    expect(waited).toBeGreaterThan(0);
    expect(await numberOf(agent, "a", "rejected_total")).toBeGreaterThanOrEqual(waited);
    await eventually(() => descriptorsOf(pid) <= before.descriptors + keptDescriptorsMax);
    await collectGarbage(agent.process);
    await eventually(() => residentBytesOf(pid) <= before.bytes + keptBytesMax);
    const grownMb = Math.round((residentBytesOf(pid) - before.bytes) / 1024 ** 2);
    const asked = requests.reduce((sum, one) => sum + one.answered, 0);
    const slowestMs = Math.round(Math.max(...requests.map((one) => one.slowestMs)));
    await annotate(
      `${answered} clients and ${asked} requests of established ones (slowest ${slowestMs} ms) answered, over ${JSON.stringify(over)}; up to ${open} open, ${descriptors - before.descriptors} descriptors more, ${grownMb} MB left`,
      "measured",
    );
    expect(agent.process.isRunning).toBe(true);
  },
);

test.for(drivers)(
  "a balancer with limits/maxConnections has no more handshakes than that under way ($driver): others are turned away and counted, who is established and who asks another balancer is answered",
  async ({ driver, missing }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    const more = { small: { limits: { maxConnections: placesMax } } };
    const agent = await flooded({ driver, balancers: ["small", "other"], more });
    const port = agent.portOf("small");
    const requests = steadyRequests(await openTlsClient(port));
    await eventually(() => requests.answered > 0);

    const hello = await clientHello({ servername: "a.test" });
    const flood = startFlood({ port, hello, clients: [["silent", 5 * placesMax]] });
    await eventually(async () => (await activeConnections(agent.adminUrl)) >= placesMax);
    const [turnedAway, asked] = [flood.over("silent"), requests.answered];
    for (let honest = 0; honest < 20; honest += 1) {
      expect(await askHonestly(agent.portOf("other"), `honest ${honest}`)).toBe(undefined);
      expect(await numberOf(agent, "small", "active_connections")).toBeLessThanOrEqual(placesMax);
    }
    await eventually(() => flood.over("silent") > turnedAway + placesMax);
    await eventually(() => requests.answered > asked + 20);
    const over = flood.over("silent");
    await requests.stop();
    await flood.stop();

    await eventually(async () => (await activeConnections(agent.adminUrl)) <= 1);
    expect(await numberOf(agent, "small", "rejected_total")).toBeGreaterThanOrEqual(over);
    expect(await askHonestly(port, "hello")).toBe(undefined);
  },
);

/** An agent whose balancers terminate TLS before a backend that echoes. */
async function flooded({
  balancers,
  ...spec
}: Pick<TlsAgentSpec, "driver" | "environment" | "more"> & {
  readonly balancers: readonly string[];
}): Promise<TlsAgent> {
  const backend = await startBackend(echo);
  const folder = await certificateFolder(onTestFinished, await createTestAuthority());
  const certificates = [await folder.issue({ names: ["a.test"] })];
  return startTlsAgent(onTestFinished, {
    ...{ ...spec, folder, backend: backend.port },
    balancers: Object.fromEntries(balancers.map((name) => [name, { certificates }])),
  });
}

function numberOf(agent: TlsAgent, name: string, metric: string): Promise<number> {
  return balancerMetric(agent.adminUrl, { balancer: `bal_${name}`, metric });
}
