import { expect, onTestFinished, test } from "vitest";

import { idleSessionBytesMax } from "#shared/base/limits.ts";

import { descriptorsMax } from "../bench/measure/descriptors.ts";
import {
  activeConnections,
  descriptorsOf,
  entryOn,
  residentBytesOf,
} from "../support/agent-traffic.ts";
import { agentUnderTest, type RunningAgent } from "../support/agent-under-test.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import {
  sendFromEach,
  startCountingBackend,
  type CountingBackend,
} from "../support/fleeting-clients.ts";
import { freePort } from "../support/free-port.ts";
import { collectable, collectGarbage } from "../support/garbage-collection.ts";
import { findProgram, outputOf } from "../support/run-command.ts";
import { scaled } from "../support/scale.ts";

const sessions = scaled(50_000, 4_000);
/** A session takes a port of the address that it sends from, of which a system has 28,000. */
const sessionsEachMax = 25_000;
const warmUp = 1_000;
const timeout = 300_000;

interface ServedUdp {
  readonly agent: RunningAgent;
  readonly backend: CountingBackend;
  readonly port: number;
}

/** An agent in front of a backend, which it sends to from an address of its own. */
async function servedUdp(driver: string, place: number): Promise<ServedUdp> {
  const backend = await startCountingBackend();
  const under = await agentUnderTest(onTestFinished, { environment: collectable });
  const port = await freePort();
  const entry = entryOn(
    "bal_a",
    { port, backend: backend.port },
    {
      protocol: "udp",
      limits: { clientIdleTimeout: "1h" },
      udp: { sourceAddress: `127.0.0.${20 + place}` },
    },
  );
  await under.store(under.publisher.snapshot(1, [entry]));
  const agent = await under.run("--relay", driver, "--workers", "1");
  return { agent, backend, port };
}

/** Of an agent after so many clients, without its garbage. */
async function residentAfter({ agent, backend, port }: ServedUdp, to: number): Promise<number> {
  await sendFromEach({ port, backend, from: backend.count(), to });
  await eventually(async () => (await activeConnections(agent.adminUrl)) === to);
  await collectGarbage(agent.process);
  return residentBytesOf(agent.process.pid);
}

test.for(await bothDrivers())(
  "X-UDP-17 50,000 idle sessions ($driver) take at most 2 KB of memory each, 4 KB with the portable engine",
  { timeout },
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    // A session is a descriptor: more of them than one process may have are several agents'.
    const possible = Math.min(sessionsEachMax, descriptorsMax() - 2 * warmUp);
    const agents = Math.ceil(sessions / possible);
    const each = Math.ceil(sessions / agents);
    let grownBytes = 0;
    for (let place = 0; place < agents; place += 1) {
      const served = await servedUdp(driver, place);
      const before = await residentAfter(served, warmUp);
      grownBytes += (await residentAfter(served, warmUp + each)) - before;
    }

    const bytes = grownBytes / (each * agents);
    const said = `${driver}: ${Math.round(bytes)} bytes a session, of ${each * agents} in ${agents} agents`;

    await annotate(said, "measured");
    expect(bytes).toBeLessThan(idleSessionBytesMax[driver]);
  },
);

test.for(await bothDrivers())(
  "X-UDP-16 an agent without a descriptor left ($driver) ends the oldest session for each new one, and every datagram arrives",
  { timeout },
  async ({ driver, missing }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    const prlimit = await findProgram("prlimit");
    if (prlimit === undefined) return skip("prlimit is not installed");
    const { agent, backend, port } = await servedUdp(driver, 0);
    const { pid } = agent.process;
    const allow = (files: number) =>
      outputOf([prlimit, "--pid", String(pid), `--nofile=${files}:`]);
    const [clients, room] = [1_500, 300];
    const files = descriptorsOf(pid) + room;
    await allow(files);

    await sendFromEach({ port, backend, from: 0, to: clients });
    // Whoever looks needs one too.
    await allow(files + room);
    const open = await activeConnections(agent.adminUrl);
    expect(open).toBeGreaterThan(room / 2);
    expect(open).toBeLessThan(2 * room);
  },
);
