import { describe, expect, test } from "vitest";

import { serve, startPlane, type Given, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { startHttpBackend } from "../../support/http-backend.ts";
import { reasonLog } from "../../support/reason-log.ts";
import { openClient, type TestClient } from "../../support/test-client.ts";

type HealthcheckGiven = Extract<Given["healthcheck"], { readonly kind: "http" }>;

const cutting = { cutOnBackendLoss: true } as const;
const often = { interval: "50ms", timeout: "5s", fails: 1, passes: 1 } as const;

interface CheckedElsewhere {
  readonly backends: readonly [FakeBackend, FakeBackend];
  readonly healthcheck: HealthcheckGiven;
  /** From now on checks fail, while the backends go on serving. */
  readonly fail: () => void;
}

async function checkedElsewhere(): Promise<CheckedElsewhere> {
  const [one, other] = [await startBackend(echo), await startBackend(echo)];
  let isFailing = false;
  const watchman = await startHttpBackend((_, response) => {
    response.statusCode = isFailing ? 503 : 200;
    response.end();
  });
  const target = { port: watchman.port };
  return {
    backends: [one, other],
    healthcheck: { kind: "http", ...often, target },
    fail: () => {
      isFailing = true;
    },
  };
}

describe.for(await bothDrivers())("with the $driver engine", ({ driver, missing }) => {
  test("X-TCP-24 connections of a backend that turns unhealthy are cut in every worker, with their reason", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const { accessLog, reasons } = reasonLog();
    const under = await startPlane({ engine: await engineOf(driver), workers: 3, accessLog });
    const { backends, healthcheck, fail } = await checkedElsewhere();
    const [sick] = backends;
    const web = await serve(under, {
      ...cutting,
      backends: [sick],
      healthcheck,
      accessLog: {},
    });
    const clients = await openMany(web.port, 20);
    await eventually(() => sick.sockets.size === 20);

    fail();

    await areReset(clients);
    await eventually(() => sick.sockets.size === 0 && reasons.length === 20);
    expect(new Set(reasons)).toEqual(new Set(["backend-lost"]));
    expect(cutCount(under)).toBe(20);
    await eventually(() => web.status().openConnections === 0);
    expect(web.backend(`127.0.0.1:${sick.port}`).isLive).toBe(false);
  });

  test("X-TCP-24 connections of a backend that vanishes from discovery are cut, those of others go on", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await startPlane({ engine: await engineOf(driver), workers: 3 });
    const [leaves, stays] = [await startBackend(echo), await startBackend(echo)];
    const strategy = "roundrobin";
    const web = await serve(under, { ...cutting, strategy, backends: [leaves, stays] });
    const clients = await openMany(web.port, 12);
    await eventually(() => leaves.sockets.size === 6 && stays.sockets.size === 6);

    await web.update({ ...cutting, strategy, backends: [stays] });

    await eventually(() => clients.filter(({ closed }) => closed).length === 6);
    await eventually(() => leaves.sockets.size === 0);
    expect(stays.sockets.size).toBe(6);
    for (const client of clients.filter(({ closed }) => !closed)) {
      client.send("alive");
      await client.receives(5);
    }
    expect(cutCount(under)).toBe(6);
  });
});

test("X-TCP-24 without the option, and while all backends are used in panic, nobody is cut", async () => {
  const under = await startPlane();
  const { backends, healthcheck, fail } = await checkedElsewhere();
  const given = { backends, strategy: "roundrobin", healthcheck } as const;
  const plain = await serve(under, given);
  const panicking = await serve(under, {
    ...given,
    ...cutting,
    healthcheck: { ...healthcheck, panicBelowPercent: 100 },
  });
  const clients = [...(await openMany(plain.port, 2)), ...(await openMany(panicking.port, 2))];
  await eventually(() => backends[0].sockets.size + backends[1].sockets.size === 4);

  fail();
  await eventually(() => under.ofKind("backend.down").length === 4);

  for (const client of clients) {
    client.send("alive");
    await client.receives(5);
  }
  expect(cutCount(under)).toBe(0);
});

function openMany(port: number, count: number): Promise<readonly TestClient[]> {
  return Promise.all(Array.from({ length: count }, () => openClient(port)));
}

async function areReset(clients: readonly TestClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client.isOver()));
  await eventually(() => clients.every(({ errorCode }) => errorCode === "ECONNRESET"));
}

function cutCount(under: PlaneUnderTest): number {
  return under.ofKind("connections.cut").reduce((sum, { count }) => sum + count, 0);
}
