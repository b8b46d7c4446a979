import { describe, expect, test } from "vitest";

import { serve, startPlane } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { throughout } from "../../support/throughout.ts";

interface NamedBackend {
  readonly name: string;
  readonly backend: FakeBackend;
}

/** Backends that greet with their own name, in the order of those names. */
async function namedBackends(count: number): Promise<readonly NamedBackend[]> {
  const backends = await Promise.all(
    Array.from({ length: count }, async () => {
      const port = await freePort();
      const name = `127.0.0.1:${port}`;
      return { name, backend: await startBackend(greet(name), { port }) };
    }),
  );
  return backends.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function threeBackends(): Promise<readonly [NamedBackend, NamedBackend, NamedBackend]> {
  const [a, b, c] = await namedBackends(3);
  if (a === undefined || b === undefined || c === undefined) throw new Error("too few backends");
  return [a, b, c];
}

const checks = { kind: "ping", interval: "100ms", timeout: "5s", fails: 1, passes: 1 } as const;

describe.each([1, 3])("electing on %i worker(s)", (workers) => {
  test("F-BAL-09 N backends: N consecutive connections hit each once, in host:port order, repeating", async () => {
    const under = await startPlane({ workers });
    const named = await namedBackends(4);
    const backends = named.map(({ backend }) => backend).toReversed();
    const web = await serve(under, { strategy: "roundrobin", backends });

    const answers: string[] = [];
    for (let index = 0; index < 12; index += 1) answers.push(await ask(web.port));

    const inOrder = named.map(({ name }) => name);
    expect(answers).toEqual([...inOrder, ...inOrder, ...inOrder]);
  });

  test("F-BAL-10 adding and removing backends keeps the rotation going without an error", async () => {
    const under = await startPlane({ workers });
    const [a, b, c] = await threeBackends();
    const given = { strategy: "roundrobin" } as const;
    const web = await serve(under, { ...given, backends: [a.backend, b.backend] });
    expect([await ask(web.port), await ask(web.port)]).toEqual([a.name, b.name]);

    await web.update({ ...given, backends: [a.backend, b.backend, c.backend] });
    const three = [await ask(web.port), await ask(web.port), await ask(web.port)];
    expect(three).toEqual([c.name, a.name, b.name]);

    await web.update({ ...given, backends: [c.backend, b.backend] });
    const two = await Promise.all([1, 2, 3, 4].map(() => ask(web.port)));
    const turns = (name: string): number => two.filter((answer) => answer === name).length;
    expect([turns(b.name), turns(c.name)]).toEqual([2, 2]);

    expect(under.ofKind("clients.turned-away")).toEqual([]);
    // A client has its answer before its worker has counted it.
    await eventually(() => web.status().totals.connections === 9);
    expect(web.status().totals).toMatchObject({ rejected: 0, refused: 0 });
  });

  test("F-BAL-19 a backend at its limit is skipped; all at their limit: the client is closed", async () => {
    const under = await startPlane({ workers });
    const [first, second] = [await startBackend(silent), await startBackend(silent)];
    const backends = [
      { host: first.host, port: first.port, priority: 0, maxConnections: 2 },
      { host: second.host, port: second.port, priority: 1, maxConnections: 1 },
    ];
    const web = await serve(under, { backends });
    await Promise.all([1, 2, 3].map(() => openClient(web.port)));
    await eventually(() => first.sockets.size === 2 && second.sockets.size === 1);

    const fourth = await openClient(web.port);
    await fourth.isOver();

    expect([first.accepted, second.accepted]).toEqual([2, 1]);
    await eventually(() => under.ofKind("clients.turned-away").length > 0);
    expect(under.ofKind("clients.turned-away")[0]).toMatchObject({
      reason: "backends-full",
      detail: "every live backend is at its connection limit",
    });
  });

  test("X-BAL-23 200 connects at once to a backend with limit 10 never exceed 10", async () => {
    const under = await startPlane({ workers });
    let most = 0;
    const backend = await startBackend((socket) => {
      silent(socket);
      most = Math.max(most, backend.sockets.size);
    });
    const web = await serve(under, { backends: [{ ...at(backend), maxConnections: 10 }] });

    const clients = await Promise.all(Array.from({ length: 200 }, () => openClient(web.port)));
    await eventually(() => web.status().totals.rejected === 190);

    await eventually(() => backend.accepted === 10);
    expect(most).toBe(10);
    for (const client of clients) client.reset();
    await eventually(() => web.status().openConnections === 0 && backend.sockets.size === 0);
    await Promise.all(Array.from({ length: 10 }, () => openClient(web.port)));
    await eventually(() => backend.sockets.size === 10);
    expect(most).toBe(10);
  });
});

test("F-BAL-01 only live and discovered backends are elected", async () => {
  const under = await startPlane();
  const [dead, gone, alive] = await threeBackends();
  const backends = [dead.backend, gone.backend, alive.backend];
  const web = await serve(under, { healthcheck: checks, backends, strategy: "roundrobin" });
  await dead.backend.stop();
  await eventually(() => !web.backend(dead.name).isLive);
  await web.update({
    healthcheck: checks,
    backends: [dead.backend, alive.backend],
    strategy: "roundrobin",
  });
  const before = gone.backend.accepted;

  const answers = [];
  for (let index = 0; index < 10; index += 1) answers.push(await ask(web.port));

  expect(new Set(answers)).toEqual(new Set([alive.name]));
  expect(web.status().totals.refused).toBe(0);
  await throughout(() => expect(gone.backend.accepted).toBe(before), { forMs: 300 });
});

test("F-BAL-04 all of priority 0 unhealthy: priority 1 serves; recovered: back to 0", async () => {
  const under = await startPlane();
  const port = await freePort();
  const first = await startBackend(greet("first"), { port });
  const second = await startBackend(greet("second"));
  const backends = [
    { ...at(first), priority: 0 },
    { ...at(second), priority: 1 },
  ];
  const web = await serve(under, { healthcheck: checks, backends });
  expect(await ask(web.port)).toBe("first");

  await first.stop();
  await eventually(() => under.ofKind("backend.down").length === 1);
  await eventually(async () => (await ask(web.port)) === "second");
  const { refused } = web.status().totals;
  for (let index = 0; index < 5; index += 1) expect(await ask(web.port)).toBe("second");
  expect(web.status().totals.refused).toBe(refused);

  await startBackend(greet("first"), { port });
  await eventually(() => under.ofKind("backend.up").length === 1);
  await eventually(async () => (await ask(web.port)) === "first");
  for (let index = 0; index < 5; index += 1) expect(await ask(web.port)).toBe("first");
});

test("F-BAL-20 a backend's limit 0 is no limit", async () => {
  const under = await startPlane();
  const backend = await startBackend(silent);
  const web = await serve(under, { backends: [{ ...at(backend), maxConnections: 0 }] });
  await Promise.all(Array.from({ length: 100 }, () => openClient(web.port)));
  await eventually(() => backend.sockets.size === 100);
});

test("F-BAL-21 changes of weight, priority and limit apply to the next election", async () => {
  const under = await startPlane();
  const [a, b] = [await startBackend(silent), await startBackend(greet("b"))];
  const web = await serve(under, {
    backends: [
      { ...at(a), weight: 0 },
      { ...at(b), weight: 1 },
    ],
  });
  expect(await ask(web.port)).toBe("b");

  await web.update({
    backends: [
      { ...at(a), weight: 1 },
      { ...at(b), weight: 0 },
    ],
  });
  await openClient(web.port);
  await eventually(() => a.sockets.size === 1);

  await web.update({
    backends: [
      { ...at(a), weight: 1, maxConnections: 1 },
      { ...at(b), weight: 0 },
    ],
  });
  expect(await ask(web.port)).toBe("b");

  await web.update({
    backends: [
      { ...at(a), priority: 0 },
      { ...at(b), priority: 1 },
    ],
  });
  await openClient(web.port);
  await eventually(() => a.sockets.size === 2);
  await web.update({
    backends: [
      { ...at(a), priority: 2 },
      { ...at(b), priority: 1 },
    ],
  });
  expect(await ask(web.port)).toBe("b");
});

function at({ host, port }: FakeBackend): { host: string; port: number } {
  return { host, port };
}
