import { describe, expect, test } from "vitest";

import {
  spawnThread,
  type SpawnWorker,
  type WorkerThread,
} from "../../../node-agent/flow/spawn-thread.ts";
import { openClientFrom } from "../../support/client-from.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { silent, startBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { spawnInline } from "../../support/inline-worker.ts";
import type { TestClient } from "../../support/test-client.ts";

function open(address: string, port: number, count: number): Promise<readonly TestClient[]> {
  return Promise.all(Array.from({ length: count }, () => openClientFrom(address, port)));
}

describe.each([1, 3])("limits of one client on %i worker(s)", (workers) => {
  test("X-TCP-29 a client has at most so many connections, exactly, and others have theirs", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const perClient = { maxConnections: 5 };
    const web = await serve(under, { backends: [backend], limits: { perClient } });

    const first = await open("127.0.0.1", web.port, 30);
    await eventually(() => web.status().totals.rejected === 25 && backend.sockets.size === 5);
    await open("127.0.0.2", web.port, 5);
    await eventually(() => backend.sockets.size === 10);
    expect(web.status().totals.rejected).toBe(25);
    await eventually(() => under.ofKind("clients.turned-away").length > 0);
    expect(under.ofKind("clients.turned-away")[0]).toMatchObject({
      reason: "limit-reached",
      detail: "one client has as many connections as it may",
    });

    for (const client of first) client.reset();
    await eventually(() => backend.sockets.size === 5);
    await open("127.0.0.1", web.port, 5);
    await eventually(() => backend.sockets.size === 10);
    expect(web.status().totals.rejected).toBe(25);
  });

  test("X-TCP-29 a prefix counts as one client", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const perClient = { maxConnections: 2, ipv4Prefix: 24 };
    const web = await serve(under, { backends: [backend], limits: { perClient } });
    for (const address of ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.1.1"]) {
      await openClientFrom(address, web.port);
    }
    await eventually(() => web.status().totals.rejected === 1 && backend.sockets.size === 3);
  });

  test("X-TCP-29 the limit changes while connections are open, and counts them", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const given = { backends: [backend] };
    const limited = (maxConnections: number) => ({
      ...given,
      limits: { perClient: { maxConnections } },
    });
    const web = await serve(under, limited(4));
    await open("127.0.0.1", web.port, 4);
    await eventually(() => backend.sockets.size === 4);

    await web.update(limited(2));
    await open("127.0.0.1", web.port, 1);
    await eventually(() => web.status().totals.rejected === 1);
    await web.update(limited(6));
    await open("127.0.0.1", web.port, 4);
    await eventually(() => web.status().totals.rejected === 3 && backend.sockets.size === 6);

    await web.update(given);
    await open("127.0.0.1", web.port, 10);
    await eventually(() => backend.sockets.size === 16);
  });
});

test("X-TCP-29 new connections of a client a second are limited, over time", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock, workers: 2, spawn: spawnInline(clock) });
  const backend = await startBackend(silent);
  const limits = { perClient: { newPerSecond: 3 } };
  const web = await serve(under, { backends: [backend], limits });

  await open("127.0.0.1", web.port, 10);
  await eventually(() => web.status().totals.rejected === 7 && backend.sockets.size === 3);
  await open("127.0.0.2", web.port, 3);
  await eventually(() => backend.sockets.size === 6);
  clock.advance(1_000);
  await open("127.0.0.1", web.port, 10);
  await eventually(() => web.status().totals.rejected === 14 && backend.sockets.size === 9);
});

test("X-TCP-29 a worker that dies gives back what its clients held", async () => {
  const threads: WorkerThread[] = [];
  const spawn: SpawnWorker = (init, ears) => {
    const thread = spawnThread(init, ears);
    threads.push(thread);
    return thread;
  };
  const under = await startPlane({ workers: 1, spawn });
  const backend = await startBackend(silent);
  const limits = { perClient: { maxConnections: 2 } };
  const web = await serve(under, { backends: [backend], limits });
  await open("127.0.0.1", web.port, 2);
  await eventually(() => backend.sockets.size === 2);

  // A command that it cannot understand.
  threads[0]?.post({ do: "serve" } as never);
  await eventually(() => under.ofKind("worker.replaced").length === 1);
  await eventually(async () => {
    await openClientFrom("127.0.0.1", web.port);
    return web.status().openConnections === 2;
  });
  await eventually(() => backend.sockets.size === 2);
  await open("127.0.0.1", web.port, 1);
  await eventually(() => web.status().totals.rejected > 0);
});
