import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { dialAttemptsMax } from "#shared/base/limits.ts";

import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, silent, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";

describe.each([1, 3])("a balancer on %i worker(s)", (workers) => {
  test("F-TCP-02 connection N+1 is closed at once, and after one closes the next is served", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(echo);
    const web = await serve(under, { backends: [backend], limits: { maxConnections: 3 } });
    const clients = await Promise.all([1, 2, 3].map(() => openClient(web.port)));
    await eventually(() => backend.accepted === 3);

    const fourth = await openClient(web.port);
    await fourth.isOver();
    expect(fourth.receivedBytes).toBe(0);
    expect(backend.accepted).toBe(3);
    expect(web.status().totals.rejected).toBe(1);
    await eventually(() => under.ofKind("clients.turned-away").length === 1);
    expect(under.ofKind("clients.turned-away")[0]).toMatchObject({ reason: "limit-reached" });

    clients[0]?.finish();
    await eventually(() => web.status().openConnections === 2);
    expect(await ask(web.port, "next")).toBe("next");
  });

  test("F-TCP-02 limit 0 is no limit", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const web = await serve(under, { backends: [backend], limits: { maxConnections: 0 } });
    await Promise.all(Array.from({ length: 100 }, () => openClient(web.port)));
    await eventually(() => backend.sockets.size === 100);
    expect(web.status().totals.rejected).toBe(0);
  });

  test("F-TCP-02 200 clients at the same time never exceed a limit of 10, and 10 are served", async () => {
    const under = await startPlane({ workers });
    let most = 0;
    const backend = await startBackend((socket) => {
      silent(socket);
      most = Math.max(most, backend.sockets.size);
    });
    const web = await serve(under, { backends: [backend], limits: { maxConnections: 10 } });

    await Promise.all(Array.from({ length: 200 }, () => openClient(web.port)));
    await eventually(() => web.status().totals.rejected === 190);

    await eventually(() => backend.accepted === 10);
    expect([most, web.status().openConnections]).toEqual([10, 10]);
  });

  test("F-TCP-03 the status shows the number of open client connections", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const web = await serve(under, { backends: [backend] });
    expect(web.status().openConnections).toBe(0);
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => openClient(web.port)));
    await eventually(() => web.status().openConnections === 5);
    const own = under.plane.totals().find((row) => row.backend === "");
    expect(own?.gauges.activeConnections).toBe(5);

    for (const client of clients.slice(0, 2)) client.reset();

    await eventually(() => web.status().openConnections === 3);
  });

  test("X-TCP-20 a refused first choice is retried on another backend; the client is unaffected", async () => {
    const under = await startPlane({ workers });
    const refusing = { host: "127.0.0.1", port: await freePort(), priority: 0 };
    const backend = await startBackend(echo);
    const web = await serve(under, { backends: [refusing, { ...at(backend), priority: 1 }] });

    expect(await ask(web.port, "still served")).toBe("still served");

    // Counted within a batch of events, which may come a moment after the bytes.
    await eventually(() => web.backend(`127.0.0.1:${backend.port}`).totals.connections === 1);
    expect(web.backend(`127.0.0.1:${refusing.port}`).totals).toMatchObject({
      refused: 1,
      connections: 0,
    });
    expect(web.backend(`127.0.0.1:${backend.port}`).totals).toMatchObject({
      refused: 0,
      connections: 1,
    });
  });

  test("X-TCP-20 attempts are bounded, and each is on another backend", async () => {
    const under = await startPlane({ workers });
    const ports = await Promise.all(Array.from({ length: 6 }, () => freePort()));
    const backends = ports.map((port) => ({ host: "127.0.0.1", port }));
    const web = await serve(under, { backends });

    expect(await ask(web.port)).toBe("");

    const refused = web.status().backends.map((backend) => backend.totals.refused);
    expect(refused.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(refused.reduce((sum, count) => sum + count, 0)).toBe(dialAttemptsMax);
  });
});

test("F-TCP-08 F-STAT-04 a failed dial closes the client and adds 1 to refused, nothing to total", async () => {
  const under = await startPlane();
  const port = await freePort();
  const web = await serve(under, { backends: [{ host: "127.0.0.1", port }] });

  const client = await openClient(web.port);
  await client.isOver();

  expect(client.receivedBytes).toBe(0);
  expect(web.status().totals).toMatchObject({ refused: 1, connections: 0, rejected: 0 });
  expect(web.backend(`127.0.0.1:${port}`).totals).toMatchObject({ refused: 1, connections: 0 });
  await eventually(() => web.status().openConnections === 0);
});

test("F-TCP-09 F-STC-02 without a backend the client is closed and an error is logged", async () => {
  const under = await startPlane();
  const web = await serve(under, { backends: [] });

  const client = await openClient(web.port);
  await client.isOver();

  expect(client.receivedBytes).toBe(0);
  await eventually(() => under.log.lines.some(({ level }) => level === "error"));
  expect(under.log.lines.find(({ level }) => level === "error")?.fields).toMatchObject({
    event: "clients.turned-away",
    balancer: web.id,
    reason: "no-backend",
    detail: "no live backend",
  });
  expect(web.status().totals).toMatchObject({ rejected: 1, refused: 0, connections: 0 });
});

test("F-STC-02 an empty list is allowed, and every connection is refused", async () => {
  const under = await startPlane();
  const web = await serve(under, { backends: [] });
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(web.port)));
  expect(new Set(answers)).toEqual(new Set([""]));
  expect(web.status().totals.rejected).toBe(10);
});

test("F-STC-01 a static list is used as it is given", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("here"));
  const line = `127.0.0.1:${backend.port} weight=7 priority=3 max_connections=9`;
  const idle = { host: "127.0.0.1", port: await freePort(), weight: 2, priority: 5 };
  const web = await serve(under, { backends: [line, idle] });

  expect(web.backend(`127.0.0.1:${backend.port}`)).toMatchObject({
    weight: 7,
    priority: 3,
    maxConnections: 9,
  });
  expect(web.backend(`127.0.0.1:${idle.port}`)).toMatchObject({
    weight: 2,
    priority: 5,
    maxConnections: 0,
  });
  expect(await ask(web.port)).toBe("here");
});

test("F-TCP-11 a wildcard bind accepts IPv4 and IPv6, a specific one only its own", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("hi"));
  for (const host of ["", "0.0.0.0", "[::]"]) {
    const port = await freePort("::");
    const bind = `${host}:${port}`;
    expect((await under.plane.start(verified({ bind: [bind], backends: [backend] }))).ok).toBe(
      true,
    );
    expect(await ask({ host: "127.0.0.1", port })).toBe("hi");
    expect(await ask({ host: "::1", port })).toBe("hi");
  }
  const web = await serve(under, { backends: [backend] });
  expect((await openClient({ host: "::1", port: web.port })).errorCode).toBe("ECONNREFUSED");
});

test("F-TCP-12 F-TCP-13 backends are reached by name and by IPv6 address", async () => {
  const under = await startPlane();
  const four = await startBackend(greet("by name"));
  const six = await startBackend(greet("sixth"), { host: "::1" });
  const named = await serve(under, { backends: [`localhost:${four.port}`] });
  const addressed = await serve(under, { backends: [`[::1]:${six.port}`] });

  expect([await ask(named.port), await ask(addressed.port)]).toEqual(["by name", "sixth"]);
  expect(addressed.backend(`[::1]:${six.port}`).totals.connections).toBe(1);
});

test("X-TCP-27 one balancer listens on several addresses and ports", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("anywhere"));
  const [first, second, third] = [await freePort(), await freePort("::1"), await freePort()];
  const bind = [`127.0.0.1:${first}`, `[::1]:${second}`, `127.0.0.1:${third}`];
  const outcome = await under.plane.start(verified({ bind, backends: [backend] }));

  expect(outcome.ok).toBe(true);
  const targets = [{ port: first }, { host: "::1", port: second }, { port: third }];
  expect(await Promise.all(targets.map((target) => ask(target)))).toEqual(
    Array(3).fill("anywhere"),
  );
  expect(under.plane.status()[0]?.binds).toEqual(bind);
});

test.each([1, 3])("a balancer listens on a Unix socket, with %i worker(s)", async (workers) => {
  const under = await startPlane({ workers });
  const folder = await mkdtemp(join(tmpdir(), "midstream-flow-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "web.sock");
  const backend = await startBackend(greet("over a path"));
  const outcome = await under.plane.start(
    verified({ bind: [`unix:${path}`], backends: [backend] }),
  );

  expect(outcome.ok).toBe(true);
  expect(await ask({ path })).toBe("over a path");
});

test("F-TCP-17 200 balancers on ports of their own work in one process", async () => {
  const under = await startPlane();
  const backend = await startBackend(echo);
  const web = [];
  for (let index = 0; index < 200; index += 1) {
    web.push(await serve(under, { name: `web-${index}`, backends: [backend] }));
  }

  const answers = await Promise.all(web.map(({ port }) => ask(port, `to ${port}`)));

  expect(answers).toEqual(web.map(({ port }) => `to ${port}`));
  expect(new Set(web.map(({ port }) => port)).size).toBe(200);
});

function at({ host, port }: { host: string; port: number }): { host: string; port: number } {
  return { host, port };
}
