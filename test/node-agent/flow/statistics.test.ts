import { expect, test } from "vitest";

import { departedRowMs, movedMs } from "#shared/base/limits.ts";
import { intervalRows, type TotalsRow } from "#shared/measures/interval.ts";

import { serve, startPlane, type PlaneUnderTest } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, silent, startBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { spawnInline } from "../../support/inline-worker.ts";
import { sendRandom } from "../../support/random-bytes.ts";
import { ask, openClient } from "../../support/test-client.ts";

test("F-STAT-01 rx is backend to client, tx is client to backend, exact after the connections closed", async () => {
  const under = await startPlane({ workers: 2 });
  const [up, down] = [123_457, 7_654_321];
  const backend = await startBackend((socket) => {
    socket.resume();
    void sendRandom(socket, down, { end: true });
  });
  const web = await serve(under, { backends: [backend] });

  const clients = await Promise.all(Array.from({ length: 8 }, () => openClient(web.port)));
  await Promise.all(clients.map((client) => sendRandom(client.socket, up, { end: true })));
  await Promise.all(clients.map((client) => client.isOver()));
  await eventually(() => web.status().openConnections === 0);

  const expected = { connections: 8, rxBytes: 8 * down, txBytes: 8 * up };
  expect(web.status().totals).toMatchObject(expected);
  expect(web.status().backends).toMatchObject([{ totals: expected, activeConnections: 0 }]);
});

test("F-STAT-02 a stream of 1 MB/s shows as such after 4 s, and as nothing 4 s after its end", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock });
  const backend = await startBackend(silent);
  const web = await serve(under, { backends: [backend] });
  const client = await openClient(web.port);
  await eventually(() => backend.sockets.size === 1);
  const [socket] = backend.sockets;
  for (let second = 1; second <= 4; second += 1) {
    socket?.write(Buffer.alloc(1_000_000));
    await eventually(() => web.status().totals.rxBytes === second * 1_000_000);
    await clock.advanceSettled(1_000);
  }
  const rates = { rxPerSecond: 1_000_000, txPerSecond: 0 };
  expect(web.status()).toMatchObject({ rates, backends: [{ rates }] });

  client.reset();
  await eventually(() => web.status().openConnections === 0);
  await clock.advanceSettled(4_000);
  const noRates = { rxPerSecond: 0, txPerSecond: 0 };
  expect(web.status()).toMatchObject({ rates: noRates, backends: [{ rates: noRates }] });
});

test("F-STAT-03 byte totals per backend add up to the balancer's, at any moment of a transfer", async () => {
  const under = await startPlane({ workers: 2 });
  const backends = await Promise.all([1, 2, 3].map(() => startBackend(echo)));
  const web = await serve(under, { backends, strategy: "roundrobin" });
  const clients = await Promise.all(Array.from({ length: 9 }, () => openClient(web.port)));
  const sent = clients.map((client) => sendRandom(client.socket, 20_000_000, { end: true }));

  for (let look = 0; look < 20; look += 1) {
    expectSums(under.plane.totals(), web.id);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(sent);
  await Promise.all(clients.map((client) => client.isOver()));
  await eventually(() => web.status().openConnections === 0);

  expectSums(under.plane.totals(), web.id);
  expect(web.status().totals).toMatchObject({ rxBytes: 180_000_000, txBytes: 180_000_000 });
  for (const backend of web.status().backends) {
    expect(backend.totals).toMatchObject({ connections: 3, rxBytes: 60_000_000 });
  }
});

test("X-STAT-08 1000 bytes once, then 30 s idle: the totals stay at 1000", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock, spawn: spawnInline(clock) });
  const backend = await startBackend(echo);
  const web = await serve(under, { backends: [backend] });
  const client = await openClient(web.port);
  client.send(Buffer.alloc(1_000));
  await client.receives(1_000);

  // In the steps in which counters are brought up to date, and a few more times than needed.
  for (let elapsedMs = 0; elapsedMs < 30_000; elapsedMs += 50) {
    await clock.advanceSettled(50);
    const bytes = elapsedMs < movedMs ? expect.any(Number) : 1_000;
    expect(web.status().totals).toMatchObject({ rxBytes: bytes, txBytes: bytes });
  }
  expect(web.status()).toMatchObject({ openConnections: 1, totals: { connections: 1 } });

  client.finish();
  await eventually(() => web.status().openConnections === 0);
  expect(web.status().totals).toMatchObject({ rxBytes: 1_000, txBytes: 1_000 });
});

test("a long connection's bytes show while it lives", async () => {
  const under = await startPlane();
  const backend = await startBackend(echo);
  const web = await serve(under, { backends: [backend] });
  const client = await openClient(web.port);
  for (let round = 1; round <= 3; round += 1) {
    client.send(Buffer.alloc(10_000));
    await eventually(() => web.status().totals.rxBytes === round * 10_000);
  }
  expect(web.status()).toMatchObject({ openConnections: 1, totals: { txBytes: 30_000 } });
});

test("F-STAT-04 dials that failed count as refused, and clients without a dial as rejected", async () => {
  const under = await startPlane();
  const refusing = { host: "127.0.0.1", port: await freePort() };
  const web = await serve(under, { backends: [refusing] });
  for (let index = 0; index < 3; index += 1) await ask(web.port);
  expect(web.status().totals).toMatchObject({ refused: 3, rejected: 0, connections: 0 });

  await web.update({ backends: [] });
  for (let index = 0; index < 2; index += 1) await ask(web.port);
  expect(web.status().totals).toMatchObject({ refused: 3, rejected: 2, connections: 0 });
});

test("a reader of totals misses no byte of a backend or a balancer that leaves", async () => {
  const under = await startPlane();
  const [first, second] = [await startBackend(echo), await startBackend(echo)];
  const web = await serve(under, { backends: [first, second], strategy: "roundrobin" });
  const seen = reader(under);
  await seen.look();
  for (let index = 0; index < 4; index += 1) await ask(web.port, "x".repeat(1_000));
  await eventually(() => web.status().totals.rxBytes === 4_000);
  await web.update({ backends: [second], strategy: "roundrobin" });
  await seen.look();
  await ask(web.port, "x".repeat(1_000));
  await under.plane.remove(web.id, 0);
  await eventually(() => under.plane.status().length === 0);
  await seen.look();

  expect(seen.sum("")).toEqual({ rxBytes: 5_000, txBytes: 5_000 });
  expect(seen.sum(`127.0.0.1:${first.port}`)).toEqual({ rxBytes: 2_000, txBytes: 2_000 });
  expect(seen.sum(`127.0.0.1:${second.port}`)).toEqual({ rxBytes: 3_000, txBytes: 3_000 });
  await eventually(() => under.plane.totals().length === 0, { withinMs: departedRowMs + 1_000 });
});

test("a balancer that is removed and started again under its id goes on counting", async () => {
  const under = await startPlane();
  const backend = await startBackend(echo);
  const web = await serve(under, { backends: [backend] });
  const draining = await openClient(web.port);
  draining.send("12345");
  await draining.receives(5);
  const seen = reader(under);
  await eventually(() => web.status().totals.rxBytes === 5);
  await seen.look();

  await under.plane.remove(web.id, 60_000);
  const again = await serve(under, { backends: [backend], id: web.id });
  await ask(again.port, "1234567");
  draining.send("67890");
  await draining.receives(10);
  await seen.look();
  draining.finish();
  await eventually(() => under.plane.status().length === 1);
  await seen.look();
  await ask(again.port, "1");
  await eventually(() => again.status().totals.rxBytes === 8);
  await seen.look();

  expect(seen.sum("")).toEqual({ rxBytes: 18, txBytes: 18 });
  expect(seen.sum(`127.0.0.1:${backend.port}`)).toEqual({ rxBytes: 18, txBytes: 18 });
});

test("connections that are dialled count for the balancer, and reached ones for the backend", async () => {
  const under = await startPlane();
  const backend = await startBackend(silent);
  const web = await serve(under, { backends: [backend] });
  await Promise.all([1, 2, 3].map(() => openClient(web.port)));
  await eventually(() => web.status().backends[0]?.activeConnections === 3);
  expect(gauges(under, "")).toEqual({ activeConnections: 3, live: 1 });
  expect(gauges(under, `127.0.0.1:${backend.port}`)).toEqual({ activeConnections: 3, live: 1 });
});

function expectSums(rows: readonly TotalsRow[], id: string): void {
  const own = rows.find((row) => row.balancer === id && row.backend === "");
  const backends = rows.filter((row) => row.balancer === id && row.backend !== "");
  for (const column of ["connections", "rxBytes", "txBytes", "refused"] as const) {
    const sum = backends.reduce((total, row) => total + row.counters[column], 0);
    expect(own?.counters[column]).toBe(sum);
  }
}

function gauges({ plane }: PlaneUnderTest, backend: string): TotalsRow["gauges"] | undefined {
  return plane.totals().find((row) => row.backend === backend)?.gauges;
}

interface Reader {
  look(): Promise<void>;
  sum(backend: string): { rxBytes: number; txBytes: number };
}

/** Reads totals as the reporter does, and adds up what happened between two looks. */
function reader({ plane }: PlaneUnderTest): Reader {
  let before: readonly TotalsRow[] = [];
  const sums = new Map<string, { rxBytes: number; txBytes: number }>();
  return {
    look: async () => {
      const after = plane.totals();
      for (const { backend, counters } of intervalRows(before, after)) {
        const [, , , rxBytes = 0, txBytes = 0] = counters;
        const sum = sums.get(backend) ?? { rxBytes: 0, txBytes: 0 };
        sums.set(backend, { rxBytes: sum.rxBytes + rxBytes, txBytes: sum.txBytes + txBytes });
      }
      before = after;
    },
    sum: (backend) => sums.get(backend) ?? { rxBytes: 0, txBytes: 0 },
  };
}
