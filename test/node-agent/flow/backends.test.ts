import { expect, test } from "vitest";

import { startBlackHole } from "../../support/black-hole.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { throughout } from "../../support/throughout.ts";

const intervalMs = 200;
const checks = {
  kind: "ping",
  interval: `${intervalMs}ms`,
  timeout: "5s",
  fails: 2,
  passes: 2,
} as const;

test("F-TCP-14 marking a backend unhealthy leaves its open connections working", async () => {
  const under = await startPlane();
  const port = await freePort();
  const backend = await startBackend(echo, { port });
  const web = await serve(under, { healthcheck: checks, backends: [backend] });
  const client = await openClient(web.port);
  client.send("before");
  await client.receives(6);

  // Stops listening, so that checks fail; the connection stays.
  backend.refuse();
  await eventually(() => under.ofKind("backend.down").length === 1);

  client.send(" after");
  await client.receives(12);
  expect(client.text()).toBe("before after");
  expect(await ask(web.port)).toBe("");
  expect(client.closed).toBe(false);
});

test("F-TCP-15 F-DSC-08 a removed backend keeps its connections, gets no new ones, and goes when idle", async () => {
  const under = await startPlane();
  const [leaving, staying] = [await startBackend(echo), await startBackend(greet("staying"))];
  const name = `127.0.0.1:${leaving.port}`;
  const web = await serve(under, { backends: [leaving] });
  const client = await openClient(web.port);
  client.send("one");
  await client.receives(3);

  await web.update({ backends: [staying] });

  client.send(" two");
  await client.receives(7);
  for (let index = 0; index < 20; index += 1) expect(await ask(web.port)).toBe("staying");
  expect(leaving.accepted).toBe(1);
  expect(web.backend(name)).toMatchObject({ isDiscovered: false, activeConnections: 1 });

  await web.update({ backends: [leaving, staying] });
  await eventually(() => web.backend(name).totals.rxBytes === 7);
  expect(web.backend(name)).toMatchObject({ isDiscovered: true, totals: { connections: 1 } });

  await web.update({ backends: [staying] });
  client.finish();
  await eventually(() => web.status().backends.length === 1);
  expect(web.status().backends[0]?.name).toBe(`127.0.0.1:${staying.port}`);
});

test("F-DSC-07 an update keeps counters and liveness of a known backend, and takes its new attributes", async () => {
  const under = await startPlane();
  const backend = await startBackend(echo);
  const deadPort = await freePort();
  const dead = { host: "127.0.0.1", port: deadPort };
  const web = await serve(under, { healthcheck: checks, backends: [backend, dead] });
  await eventually(() => under.ofKind("backend.down").length === 1);
  expect(await ask(web.port, "12345")).toBe("12345");
  await eventually(() => web.status().totals.rxBytes === 5);

  const given = { weight: 9, priority: 4, maxConnections: 77 };
  await web.update({
    healthcheck: checks,
    backends: [
      { host: backend.host, port: backend.port, ...given },
      { ...dead, ...given },
    ],
  });

  expect(web.backend(`127.0.0.1:${backend.port}`)).toMatchObject({
    ...given,
    isLive: true,
    totals: { connections: 1, rxBytes: 5, txBytes: 5 },
  });
  expect(web.backend(`127.0.0.1:${deadPort}`)).toMatchObject({ ...given, isLive: false });
});

test("F-DSC-09 a target listed twice exists once, with its last attributes", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("once"));
  const target = { host: backend.host, port: backend.port };
  const backends = [
    { ...target, weight: 1 },
    { ...target, weight: 5 },
  ];
  const web = await serve(under, { backends });
  expect(web.status().backends).toMatchObject([{ weight: 5 }]);
  expect(await ask(web.port)).toBe("once");
});

test("F-STAT-07 a backend that left and comes back starts with fresh counters", async () => {
  const under = await startPlane();
  const [backend, other] = [await startBackend(echo), await startBackend(echo)];
  const name = `127.0.0.1:${backend.port}`;
  const web = await serve(under, { backends: [backend] });
  expect(await ask(web.port, "12345")).toBe("12345");
  await eventually(() => web.backend(name).totals.rxBytes === 5);

  await web.update({ backends: [other] });
  await eventually(() => web.status().backends.length === 1);
  await web.update({ backends: [backend, other] });

  expect(web.backend(name).totals).toEqual({
    connections: 0,
    refused: 0,
    rejected: 0,
    rxBytes: 0,
    txBytes: 0,
  });
  expect(web.status().totals).toMatchObject({ connections: 1, rxBytes: 5, txBytes: 5 });
});

test("F-HC-01 without checks backends are always live", async () => {
  const under = await startPlane();
  const dead = { host: "127.0.0.1", port: await freePort() };
  const web = await serve(under, { healthcheck: { kind: "none" }, backends: [dead] });
  for (let index = 0; index < 5; index += 1) await ask(web.port);
  expect(web.status().backends).toMatchObject([{ isLive: true, totals: { refused: 5 } }]);

  const checked = await serve(under, { healthcheck: checks, backends: [dead] });
  await eventually(() => checked.status().backends[0]?.isLive === false);
  await checked.update({ healthcheck: { kind: "none" }, backends: [dead] });
  expect(checked.status().backends).toMatchObject([{ isLive: true }]);
});

test("F-HC-02 a dead backend is found before the first interval has passed", async () => {
  const under = await startPlane();
  const dead = { host: "127.0.0.1", port: await freePort() };
  const once = { ...checks, interval: "1h", fails: 1 };
  await serve(under, { healthcheck: once, backends: [dead] });
  await eventually(() => under.ofKind("backend.down").length === 1);
});

test("F-HC-04 initially healthy: a new backend gets traffic before its first check has ended", async () => {
  // Time stands still for the checks, so the first one never ends; the workers dial in real time.
  const under = await startPlane({ clock: new FakeClock() });
  const hole = await startBlackHole();
  const limits = { backendConnectionTimeout: "200ms" };
  const healthy = { ...checks, initialStatus: "healthy" } as const;
  const web = await serve(under, { healthcheck: healthy, limits, backends: [hole] });
  await ask(web.port);
  expect(web.status().backends).toMatchObject([{ isLive: true, totals: { refused: 1 } }]);

  const unhealthy = { ...checks, initialStatus: "unhealthy" } as const;
  const other = await serve(under, { healthcheck: unhealthy, limits, backends: [hole] });
  await ask(other.port);
  expect(other.status().backends).toMatchObject([{ isLive: false, totals: { refused: 0 } }]);
  expect(other.status().totals.rejected).toBe(1);
});

test("F-HC-05 F-HC-07 initially unhealthy: a new backend gets nothing until `passes` successes", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("checked"));
  const healthcheck = { ...checks, passes: 3, initialStatus: "unhealthy" } as const;
  const web = await serve(under, { healthcheck, backends: [backend] });

  // Every connection of the backend is a check, until the balancer elects it.
  const answers: { answer: string; before: number; after: number }[] = [];
  await eventually(async () => {
    const before = backend.accepted;
    const answer = await ask(web.port);
    answers.push({ answer, before, after: backend.accepted });
    return answer === "checked";
  });

  for (const { answer, before } of answers.slice(0, -1)) {
    expect(answer).toBe("");
    expect(before).toBeLessThanOrEqual(3);
  }
  // Three checks, and the client itself.
  expect(answers.at(-1)?.after).toBeGreaterThanOrEqual(4);
  expect(under.ofKind("backend.up")).toHaveLength(1);
});

test("F-HC-06 exactly `fails` consecutive failures take a backend down", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock, random: () => 0.5 });
  const hole = await startBlackHole();
  const healthcheck = {
    kind: "ping",
    interval: "10s",
    timeout: "1s",
    fails: 3,
    passes: 1,
  } as const;
  const web = await serve(under, { healthcheck, backends: [hole] });

  for (let failure = 1; failure <= 3; failure += 1) {
    expect(web.status().backends).toMatchObject([{ isLive: true }]);
    await clock.advanceSettled(1_000);
    expect(web.status().backends).toMatchObject([{ isLive: failure < 3 }]);
    await clock.advanceSettled(9_000);
  }
  expect(under.ofKind("backend.down")).toMatchObject([{ detail: "timeout" }]);
});

test("F-HC-20 a backend that is no longer discovered but busy is still checked", async () => {
  const under = await startPlane();
  const [leaving, staying] = [await startBackend(silent), await startBackend(silent)];
  const web = await serve(under, { healthcheck: checks, backends: [leaving] });
  await openClient(web.port);
  await eventually(() => web.status().backends[0]?.activeConnections === 1);

  await web.update({ healthcheck: checks, backends: [staying] });
  const before = leaving.accepted;

  await eventually(() => leaving.accepted >= before + 3);
  expect(web.backend(`127.0.0.1:${leaving.port}`).isDiscovered).toBe(false);
});

test("F-HC-21 the checks of a backend stop when it leaves", async () => {
  const under = await startPlane();
  const [leaving, staying] = [await startBackend(silent), await startBackend(silent)];
  const web = await serve(under, { healthcheck: checks, backends: [leaving, staying] });
  await eventually(() => leaving.accepted >= 2 && staying.accepted >= 2);

  await web.update({ healthcheck: checks, backends: [staying] });

  await stopsBeingChecked(leaving);
  const before = staying.accepted;
  await eventually(() => staying.accepted >= before + 2);
});

test("F-HC-22 when a balancer is removed all its checks stop within one interval", async () => {
  const under = await startPlane();
  const backends = [await startBackend(silent), await startBackend(silent)];
  const web = await serve(under, { healthcheck: checks, backends });
  const client = await openClient(web.port);
  await eventually(() => web.status().openConnections === 1);
  await eventually(() => backends.every((backend) => backend.accepted >= 2));

  await under.plane.remove(web.id, 60_000);

  for (const backend of backends) await stopsBeingChecked(backend);
  expect(client.closed).toBe(false);
});

test("health state survives an update that does not touch the check", async () => {
  const under = await startPlane();
  const dead = { host: "127.0.0.1", port: await freePort() };
  const healthcheck = { ...checks, interval: "1h", fails: 1 };
  const web = await serve(under, { healthcheck, backends: [dead] });
  await eventually(() => web.status().backends[0]?.isLive === false);

  await web.update({ healthcheck, backends: [dead], limits: { maxConnections: 5 } });
  await web.update({ healthcheck: { ...healthcheck, passes: 3 }, backends: [dead] });

  expect(web.status().backends[0]?.isLive).toBe(false);
  expect(under.ofKind("backend.up")).toEqual([]);
});

/** A check that is under way may still arrive; from then on nothing does, for several intervals. */
async function stopsBeingChecked(backend: FakeBackend): Promise<void> {
  const atMost = backend.accepted + 1;
  await throughout(() => expect(backend.accepted).toBeLessThanOrEqual(atMost), {
    forMs: intervalMs * 4,
  });
}
