import { describe, expect, test } from "vitest";

import { drainPollMs, flushMsMax } from "#shared/base/limits.ts";

import { startBlackHole } from "../../support/black-hole.ts";
import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, silent, startBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { spawnInline } from "../../support/inline-worker.ts";
import { Digesting, sendRandom } from "../../support/random-bytes.ts";
import { ask, openClient } from "../../support/test-client.ts";

describe.each([1, 3])("changing on %i worker(s)", (workers) => {
  test("F-TCP-16 deleting a balancer closes all its connections (drain timeout 0)", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const web = await serve(under, { backends: [backend], drainTimeout: "0" });
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(web.port)));
    await eventually(() => backend.sockets.size === 20);

    const outcome = await under.plane.remove(web.id, 0);

    expect(outcome).toEqual({ ok: true, connections: { kept: 0, drained: 0, cut: 20 } });
    await Promise.all(clients.map((client) => client.isOver()));
    await eventually(() => backend.sockets.size === 0, { withinMs: flushMsMax + 2_000 });
    await eventually(() => under.plane.status().length === 0);
    expect((await openClient(web.port)).errorCode).toBe("ECONNREFUSED");
  });

  test("X-TCP-23 a removed balancer lets open connections finish, and its address is free at once", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(echo);
    const web = await serve(under, { backends: [backend] });
    const client = await openClient(web.port);
    client.send("before ");
    await client.receives(7);

    const outcome = await under.plane.remove(web.id, 60_000);

    expect(outcome).toEqual({ ok: true, connections: { kept: 0, drained: 1, cut: 0 } });
    expect((await openClient(web.port)).errorCode).toBe("ECONNREFUSED");
    expect(under.plane.status()).toMatchObject([{ id: web.id, phase: "draining" }]);
    client.send("and after");
    await client.receives(16);
    client.finish();
    await client.isOver();
    expect(client.text()).toBe("before and after");
    await eventually(() => under.ofKind("balancer.drained").length === 1);
    expect(under.ofKind("balancer.drained")[0]).toMatchObject({ balancer: web.id, cut: 0 });
    expect(under.plane.status()).toEqual([]);
  });

  test("an update that touches no bind keeps every connection, and a transfer on it intact", async () => {
    const under = await startPlane({ workers });
    const size = 50 * 1024 * 1024;
    const backend = await startBackend(echo);
    const web = await serve(under, { backends: [backend] });
    const client = await openClient(web.port);
    const got = new Digesting(client.socket);
    const sent = sendRandom(client.socket, size, { end: true });

    for (let change = 1; change <= 20; change += 1) {
      const outcome = await web.update({ backends: [backend], limits: { maxConnections: change } });
      expect(outcome).toMatchObject({ ok: true, connections: { drained: 0, cut: 0 } });
    }

    const { digest } = await sent;
    await client.isOver();
    expect([got.bytes, got.digest()]).toEqual([size, digest]);
    expect(await ask(web.port, "next")).toBe("next");
  });

  test("binds that stay are not touched, new ones open, and connections of those that go drain", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(echo);
    const [stays, goes, comes] = [await freePort(), await freePort(), await freePort()];
    const bindOf = (port: number): string => `127.0.0.1:${port}`;
    const id = "bal_moving";
    const given = { id, backends: [backend], drainTimeout: "1m" };
    await under.plane.start(verified({ ...given, bind: [bindOf(stays), bindOf(goes)] }));
    const staying = await openClient(stays);
    const leaving = await openClient(goes);
    await eventually(() => backend.sockets.size === 2);

    const outcome = await under.plane.update(
      verified({ ...given, bind: [bindOf(stays), bindOf(comes)] }),
    );

    expect(outcome).toEqual({ ok: true, connections: { kept: 1, drained: 1, cut: 0 } });
    expect((await openClient(goes)).errorCode).toBe("ECONNREFUSED");
    expect([await ask(stays, "a"), await ask(comes, "b")]).toEqual(["a", "b"]);
    for (const client of [staying, leaving]) {
      client.send("alive");
      await client.receives(5);
    }
  });

  test("connections of a bind that goes are cut at once when the drain timeout is 0", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const [stays, goes] = [await freePort(), await freePort()];
    const id = "bal_cutting";
    const given = { id, backends: [backend], drainTimeout: "0" };
    const bind = [`127.0.0.1:${stays}`, `127.0.0.1:${goes}`];
    await under.plane.start(verified({ ...given, bind }));
    const staying = await openClient(stays);
    const leaving = await openClient(goes);
    await eventually(() => backend.sockets.size === 2);

    const outcome = await under.plane.update(verified({ ...given, bind: bind.slice(0, 1) }));

    expect(outcome).toEqual({ ok: true, connections: { kept: 1, drained: 0, cut: 1 } });
    await leaving.isOver();
    expect(staying.ended || staying.closed).toBe(false);
  });

  test("a wildcard bind can become one of its addresses, and the other way round", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(greet("hi"));
    const port = await freePort("::");
    const given = { id: "bal_narrow", backends: [backend] };
    await under.plane.start(verified({ ...given, bind: [`:${port}`] }));
    expect(await ask({ host: "::1", port })).toBe("hi");

    const narrowed = verified({ ...given, bind: [`127.0.0.1:${port}`] });
    expect(await under.plane.update(narrowed)).toMatchObject({ ok: true });
    expect(await ask({ host: "127.0.0.1", port })).toBe("hi");
    expect((await openClient({ host: "::1", port })).errorCode).toBe("ECONNREFUSED");

    const widened = verified({ ...given, bind: [`:${port}`] });
    expect(await under.plane.update(widened)).toMatchObject({ ok: true });
    expect(await ask({ host: "::1", port })).toBe("hi");
  });
});

test("X-TCP-23 what is still open at the deadline of a drain is cut then, and not before", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock, spawn: spawnInline(clock) });
  const backend = await startBackend(silent);
  const web = await serve(under, { backends: [backend] });
  const clients = [await openClient(web.port), await openClient(web.port)];
  await eventually(() => backend.sockets.size === 2);

  await under.plane.remove(web.id, 30_000);
  await clock.advanceSettled(29_999);
  expect(clients.map((client) => client.ended || client.closed)).toEqual([false, false]);
  await clock.advanceSettled(1);

  await Promise.all(clients.map((client) => client.isOver()));
  for (const client of clients) client.finish();
  await eventually(async () => {
    await clock.advanceSettled(50);
    return under.ofKind("balancer.drained").length === 1;
  });
  expect(under.ofKind("balancer.drained")[0]).toMatchObject({ cut: 2 });
});

test("X-TCP-23 a backend that leaves its discovery finishes what it has, until the balancer drains", async () => {
  const under = await startPlane();
  const [leaving, staying] = [await startBackend(echo), await startBackend(greet("new"))];
  const web = await serve(under, { backends: [leaving] });
  const client = await openClient(web.port);
  client.send("one");
  await client.receives(3);
  await web.update({ backends: [staying] });
  client.send("two");
  await client.receives(6);
  expect(await ask(web.port)).toBe("new");

  await under.plane.remove(web.id, 300);

  await client.isOver();
});

test("connections of a bind that goes are cut at the end of the balancer's drain timeout", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock, spawn: spawnInline(clock) });
  const backend = await startBackend(silent);
  const [stays, goes] = [await freePort(), await freePort()];
  const given = { id: "bal_bind", backends: [backend], drainTimeout: "10s" };
  const bind = [`127.0.0.1:${stays}`, `127.0.0.1:${goes}`];
  await under.plane.start(verified({ ...given, bind }));
  const staying = await openClient(stays);
  const leaving = await openClient(goes);
  await eventually(() => backend.sockets.size === 2);

  await under.plane.update(verified({ ...given, bind: bind.slice(0, 1) }));
  await clock.advanceSettled(9_999);
  expect(leaving.ended || leaving.closed).toBe(false);
  await clock.advanceSettled(1);

  await leaving.isOver();
  expect(staying.ended || staying.closed).toBe(false);
});

test("drain lets connections of all balancers finish, and tells how it went", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock, spawn: spawnInline(clock), workers: 2 });
  const backend = await startBackend(echo);
  const [web, api] = [
    await serve(under, { backends: [backend] }),
    await serve(under, { name: "api", backends: [backend] }),
  ];
  const finishing = await openClient(web.port);
  const staying = await openClient(api.port);
  await eventually(() => backend.sockets.size === 2);

  const drained = under.plane.drain(1_000);
  await eventually(async () => (await openClient(web.port)).errorCode === "ECONNREFUSED");
  finishing.send("last words");
  await finishing.receives(10);
  finishing.finish();
  await finishing.isOver();
  await clock.advanceSettled(1_000);
  await staying.isOver();
  await clock.advanceSettled(flushMsMax + drainPollMs);

  expect(await drained).toEqual({ open: 2, cut: 1 });
  expect(under.plane.status()).toEqual([]);
});

test("a drain of everything shortens one that had more time", async () => {
  const under = await startPlane();
  const backend = await startBackend(silent);
  const web = await serve(under, { backends: [backend] });
  await openClient(web.port);
  await eventually(() => backend.sockets.size === 1);
  await under.plane.remove(web.id, 3_600_000);

  expect(await under.plane.drain(200)).toEqual({ open: 1, cut: 1 });
});

test("stop closes everything, and the addresses are free for the next process", async () => {
  const first = await startPlane({ workers: 2 });
  const backend = await startBackend(silent);
  const web = await serve(first, { backends: [backend] });
  const client = await openClient(web.port);
  await eventually(() => backend.sockets.size === 1);

  await first.plane.stop();

  await client.isOver();
  const second = await startPlane();
  const again = await second.plane.start(verified({ bind: [web.bind], backends: [backend] }));
  expect(again.ok).toBe(true);
});

test("a listener of events is called until it leaves", async () => {
  const under = await startPlane();
  const kinds: string[] = [];
  const leave = under.plane.onEvent((event) => kinds.push(event.kind));
  await serve(under, { backends: ["127.0.0.1:1"] });
  expect(kinds).toEqual(["backends.changed"]);
  leave();
  await serve(under, { backends: ["127.0.0.1:1"] });
  expect(kinds).toHaveLength(1);
});

test("a client that is in the middle of its dial when its balancer goes is let go", async () => {
  const under = await startPlane();
  const hole = await startBlackHole();
  const limits = { backendConnectionTimeout: "1m" };
  const web = await serve(under, { backends: [hole], limits });
  const client = await openClient(web.port);
  await eventually(() => web.status().openConnections === 1);

  await under.plane.remove(web.id, 0);

  await client.isOver();
  expect(client.errorCode).toBeUndefined();
  await eventually(() => under.plane.status().length === 0);
});
