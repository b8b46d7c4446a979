import { expect, onTestFinished, test } from "vitest";

import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";

import {
  activeConnections,
  descriptorsOf,
  entryOn,
  residentBytesOf,
} from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend, type FakeBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { collectable, collectGarbage } from "../support/garbage-collection.ts";
import { RevisionPusher } from "../support/revision-pusher.ts";
import { scaled } from "../support/scale.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { openClient } from "../support/test-client.ts";

const forMs = { native: scaled(120_000, 10_000), portable: scaled(30_000, 10_000) };
const probers = 8;
/** Splice pipes that engines keep for later, and sockets of the link and the status page. */
const keptDescriptorsMax = 80;
/** What allocators keep of what was freed: three kilobytes left behind by each revision would be more. */
const keptBytesMax = 24 * 1024 * 1024;

test.for(await bothDrivers())(
  "X-TCP-30 churn of discovery, health, balancers under traffic ($driver): every probe connection is answered, nothing is left over",
  { timeout: 400_000 },
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    const random = seededRandom(7);
    const steady = await startBackend(echo);
    const flapping = new Flapping(await startBackend(echo));
    const agent = await agentUnderTest(onTestFinished, { environment: collectable });
    const [port, ...others] = [await freePort(), await freePort(), await freePort()];
    const entries = (): SnapshotEntry[] => [
      entryOn("bal_main", { port, backend: steady.port }, churned([steady, flapping], random)),
      ...others
        .filter(() => random() < 0.5)
        .map((at) => entryOn(`bal_${at}`, { port: at, backend: steady.port })),
    ];
    const first = agent.publisher.snapshot(1, entries());
    await agent.store(first);
    const { process: running, adminUrl } = await agent.run("--relay", driver, "--workers", "2");
    const pusher = new RevisionPusher(await agent.control.link(1), agent.publisher, first);
    const isOver = deadline(3_000);
    await Promise.all([churn({ isOver, pusher, entries, flapping }), probe(port, isOver)]);
    await collectGarbage(running);
    const before = { descriptors: descriptorsOf(running.pid), bytes: residentBytesOf(running.pid) };

    const end = deadline(forMs[driver]);
    const [revisions, ...probes] = await Promise.all([
      churn({ isOver: end, pusher, entries, flapping }),
      ...Array.from({ length: probers }, () => probe(port, end)),
    ]);

    const answered = probes.reduce((sum, one) => sum + one.answered, 0);
    const cut = probes.reduce((sum, one) => sum + one.cut, 0);
    await annotate(
      `${driver}: ${answered} probes answered and ${cut} cut by their backend's end, through ${revisions} revisions`,
      "measured",
    );
    // The kernel had connected them to a backend that then closed its port: rare, or not that.
    expect(cut).toBeLessThanOrEqual(answered / 100);
    expect(answered).toBeGreaterThan(revisions);
    await eventually(async () => (await activeConnections(adminUrl)) === 0);
    await eventually(() => descriptorsOf(running.pid) <= before.descriptors + keptDescriptorsMax);
    await collectGarbage(running);
    const keptBytes = residentBytesOf(running.pid) - before.bytes;
    await annotate(
      `${driver}: ${(keptBytes / 2 ** 20).toFixed(1)} MB more than before`,
      "measured",
    );
    expect(keptBytes).toBeLessThan(keptBytesMax);
    expect(await running.stop()).toMatchObject({ code: 0 });
  },
);

/** A backend that goes and comes back on the same port. */
class Flapping {
  readonly port: number;
  #backend: FakeBackend | undefined;

  constructor(backend: FakeBackend) {
    this.port = backend.port;
    this.#backend = backend;
  }

  async flip(): Promise<void> {
    if (this.#backend === undefined) {
      this.#backend = await startBackend(echo, { port: this.port });
      return;
    }
    // Connections that are open stay: a backend that stops taking new ones.
    this.#backend.refuse();
    this.#backend = undefined;
  }
}

/** The same balancer with other weights, and with or without the backend that flaps. */
function churned(backends: readonly { readonly port: number }[], random: () => number) {
  const [steady, ...rest] = backends;
  const now = [steady, ...rest.filter(() => random() < 0.7)];
  return {
    healthcheck: { kind: "ping", interval: "100ms", timeout: "5s", fails: 1, passes: 1 },
    discovery: {
      kind: "static",
      backends: now.map((backend) => ({
        host: "127.0.0.1",
        port: backend?.port,
        weight: 1 + Math.floor(random() * 5),
      })),
    },
  };
}

interface Churn {
  readonly isOver: () => boolean;
  readonly pusher: RevisionPusher;
  readonly entries: () => readonly SnapshotEntry[];
  readonly flapping: Flapping;
}

/** One revision after the other; the backend flips with every third. Returns how many there were. */
async function churn({ isOver, pusher, entries, flapping }: Churn): Promise<number> {
  let revisions = 0;
  while (!isOver()) {
    await pusher.push(entries());
    revisions += 1;
    if (revisions % 3 === 0) await flapping.flip();
  }
  return revisions;
}

interface Probed {
  answered: number;
  /** Their backend closed its port while they waited there to be accepted. */
  cut: number;
}

/** One connection after the other, each of which has to be answered, or to hear that it is over. */
async function probe(port: number, isOver: () => boolean): Promise<Probed> {
  const probed: Probed = { answered: 0, cut: 0 };
  while (!isOver()) {
    const client = await openClient(port);
    client.send("probe");
    await eventually(() => client.receivedBytes === "probe".length || client.closed);
    client.finish();
    await client.isOver();
    client.socket.destroy();
    if (client.receivedBytes === "probe".length) probed.answered += 1;
    else probed.cut += 1;
  }
  return probed;
}

function deadline(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() >= endMs;
}
