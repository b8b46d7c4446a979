import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { entryOn, residentBytesOf } from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import {
  chaoticCommand,
  chaoticLxd,
  chaoticNames,
  chaoticPages,
  pageKinds,
  sleeping,
  type ChaoticSource,
  type Mood,
} from "../support/chaotic-sources.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { runCommand } from "../support/run-command.ts";
import { scaled } from "../support/scale.ts";
import { startTraffic } from "../support/steady-traffic.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openClient } from "../support/test-client.ts";

/** How long each source is in each bad mood, at least; it is also waited for what the mood does. */
const moodMs = scaled(250, 50);
const clientsPerSecond = 80;
/** What an agent may hold on top of before; it reads answers of up to 8 MB, 18 sources at a time. */
const memoryBytesMax = 192 * 1024 * 1024;

const badMoods = ["failing", "hanging", "flooding", "flapping"] as const;

test.for(await bothDrivers())(
  "every kind of source fails, hangs, floods and flaps under traffic ($driver): no client is turned away, memory is bounded, other balancers are unharmed",
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    const backends = [await startBackend(echo), await startBackend(echo)];
    const ports = backends.map(({ port }) => port);
    const folder = await temporaryFolder(onTestFinished);
    const sources = await allKinds(folder, ports);
    const agent = await agentUnderTest(onTestFinished);
    const [merged, untouched] = [await freePort(), await freePort()];
    const own = await Promise.all([...sources.keys()].map(() => freePort()));
    const entries = [...sources].map(([kind, source], index) =>
      entryOn(
        `bal_${kind}`,
        { port: own[index] ?? 0, backend: 0 },
        { discovery: { ...source.discovery, ...terms, shrinkGuard: { percent: 60 } } },
      ),
    );
    const all = [...sources.values()].map(({ discovery }) => ({
      ...discovery,
      ...terms,
      failPolicy: "setempty",
    }));
    const last = { kind: "static", backends: [`127.0.0.1:${ports[0]} priority=2`] };
    await agent.store(
      agent.publisher.snapshot(1, [
        ...entries,
        entryOn(
          "bal_merged",
          { port: merged, backend: 0 },
          { discovery: { kind: "multi", sources: [...all, last] } },
        ),
        entryOn("bal_untouched", { port: untouched, backend: ports[1] ?? 0 }),
      ]),
    );
    const policy = join(folder, "policy.json");
    await writeFile(policy, JSON.stringify(allowing(sources)));
    const args = ["--relay", driver, "--workers", "2", "--policy", policy];
    const { process: running, adminUrl } = await agent.run(...args);
    const look = () => sourcesOf(adminUrl);
    await eventually(async () => (await look()).every(({ state }) => state === "fresh"));
    const lasting = await openClient(untouched);
    lasting.send("a");
    await lasting.receives(1);

    const baseBytes = residentBytesOf(running.pid);
    let peakBytes = baseBytes;
    const sampling = setInterval(() => {
      peakBytes = Math.max(peakBytes, residentBytesOf(running.pid));
    }, 20);
    onTestFinished(() => clearInterval(sampling));
    const traffic = startTraffic([...own, merged, untouched], { perSecond: clientsPerSecond });
    for (const mood of badMoods) {
      for (const [kind, source] of sources) {
        // One that has just failed often is asked again only after a while.
        await eventually(async () => isFresh(await look(), kind), { withinMs: 60_000 });
        const before = await look();
        source.feel(mood);
        await Promise.all([pause(moodMs), eventually(() => felt({ kind, mood, before }, look))]);
        source.feel("fine");
      }
    }
    for (const mood of badMoods) {
      for (const source of sources.values()) source.feel(mood);
      await pause(2 * moodMs);
    }
    for (const source of sources.values()) source.feel("fine");
    await eventually(
      async () => expect((await look()).filter(({ state }) => state !== "fresh")).toEqual([]),
      { withinMs: 90_000 },
    );
    const { answered, wrong, slowestMs } = await traffic.stop();

    const mb = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
    await annotate(
      `${driver}: ${answered} clients, slowest ${slowestMs} ms; ${mb(baseBytes)}, at most ${mb(peakBytes)}`,
      "measured",
    );
    expect(wrong).toEqual({});
    expect(answered).toBeGreaterThan(0);
    expect(peakBytes - baseBytes).toBeLessThan(memoryBytesMax);
    lasting.send("b");
    await lasting.receives(2);
    expect(lasting.closed || lasting.ended).toBe(false);
    // A command that was ended left nobody behind.
    const left = ["pgrep", "-f", sleeping(ports)];
    await eventually(async () => (await runCommand(left)).code === 1);
  },
);

const terms = { interval: "200ms", timeout: "300ms" };

/** One source of each kind that can fail at all. */
async function allKinds(
  folder: string,
  ports: readonly number[],
): Promise<ReadonlyMap<string, ChaoticSource>> {
  const pages = await Promise.all(
    Object.entries(pageKinds).map(
      async ([kind, page]) => [kind, await chaoticPages(page, ports)] as const,
    ),
  );
  return new Map([
    ...pages,
    ["lxd", await chaoticLxd(join(folder, "lxd.socket"), ports)],
    ["srv", await chaoticNames(ports)],
    ["exec", chaoticCommand(folder, ports)],
  ]);
}

interface SourceRow {
  readonly kind: string;
  readonly state: string;
  readonly failures: number;
  readonly fetches: number;
}

async function sourcesOf(adminUrl: string): Promise<readonly SourceRow[]> {
  const answer: unknown = await (await fetch(`${adminUrl}/status.json`)).json();
  const { balancers } = answer as { balancers: readonly { sources: readonly SourceRow[] }[] };
  return balancers.flatMap(({ sources }) => sources);
}

function isFresh(rows: readonly SourceRow[], wanted: string): boolean {
  return rows.every(({ kind, state }) => kind !== wanted || state === "fresh");
}

interface Feeling {
  readonly kind: string;
  readonly mood: Mood;
  /** How the sources were when the mood began. */
  readonly before: readonly SourceRow[];
}

/** Whether both sources of this kind have met the mood. */
async function felt(
  { kind, mood, before }: Feeling,
  look: () => Promise<readonly SourceRow[]>,
): Promise<boolean> {
  const count = (row: SourceRow | undefined): number =>
    (mood === "flapping" ? row?.fetches : row?.failures) ?? 0;
  return (await look()).every(
    (row, index) => row.kind !== kind || count(row) > count(before[index]),
  );
}

/** The policy of a host on which these sources may be asked. */
function allowing(sources: ReadonlyMap<string, ChaoticSource>) {
  const { command } = sources.get("exec")?.discovery ?? {};
  const { serverAddress } = sources.get("lxd")?.discovery ?? {};
  const socket = String(serverAddress).slice("unix:".length);
  return { exec: { allow: [command] }, sockets: { allow: [socket] } };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
