import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { poolGapMs } from "#shared/base/limits.ts";

import { serve, startPlane } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { startHttpBackend } from "../../support/http-backend.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask } from "../../support/test-client.ts";

const often = { interval: "50ms", timeout: "5s", fails: 1, passes: 1 } as const;

/** Greets clients with its name, and pages with the status that it is told. */
interface Shop {
  readonly backend: FakeBackend;
  readonly name: string;
  status: number;
}

async function openShop(name: string): Promise<Shop> {
  const backend = await startBackend((socket) => {
    socket.once("data", (data: Buffer) => {
      const isPage = data.toString("latin1").startsWith("GET ");
      socket.end(isPage ? `HTTP/1.1 ${shop.status} So\r\ncontent-length: 0\r\n\r\n` : name);
    });
  });
  const shop: Shop = { backend, name, status: 200 };
  return shop;
}

test("X-HC-26 a check can go to another port or address than the traffic", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("here"));
  const watchman = await startHttpBackend((_, response) => response.end());
  const check = { kind: "http", ...often } as const;
  const atPort = { ...check, target: { port: watchman.port } };
  const other = await startBackend(silent, { host: "127.0.0.2" });
  const atHost = {
    kind: "ping",
    ...often,
    target: { host: "127.0.0.2", port: other.port },
  } as const;
  const [web, far] = [
    await serve(under, { healthcheck: atPort, backends: [backend] }),
    await serve(under, { healthcheck: atHost, backends: [backend] }),
  ];
  await eventually(() => watchman.requests.length >= 2 && other.accepted >= 2);
  expect([backend.accepted, web.status().backends[0]?.isLive]).toEqual([0, true]);
  expect(await ask(web.port)).toBe("here");

  await other.stop();
  await eventually(() => far.status().backends[0]?.isLive === false);
  expect([web.status().backends[0]?.isLive, await ask(far.port)]).toEqual([true, ""]);
});

test("X-HC-28 by option a backend gets no traffic until it was checked, and then at once", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("checked"));
  const held = Promise.withResolvers<undefined>();
  const watchman = await startHttpBackend((_, response) => {
    void held.promise.then(() => response.end());
  });
  const healthcheck = {
    kind: "http",
    ...often,
    passes: 100,
    target: { port: watchman.port },
    waitForFirstResult: true,
  } as const;
  const web = await serve(under, { healthcheck, backends: [backend] });
  await eventually(() => watchman.requests.length === 1);
  expect([await ask(web.port), web.status().totals.rejected, backend.accepted]).toEqual(["", 1, 0]);

  held.resolve(undefined);
  await eventually(async () => (await ask(web.port)) === "checked");
  // The first result decided: a hundred passes would have taken five seconds.
  expect(watchman.requests.length).toBeLessThan(100);
});

test("X-HC-29 a target that many balancers have is checked once", async () => {
  const under = await startPlane();
  const backend = await startBackend(silent);
  const once = { kind: "ping", ...often, interval: "1h", initialStatus: "unhealthy" } as const;
  const all = await Promise.all(
    [1, 2, 3, 4].map((fails) =>
      serve(under, { healthcheck: { ...once, fails }, backends: [backend] }),
    ),
  );
  await eventually(() => all.every((web) => web.status().backends[0]?.isLive === true));
  expect(backend.accepted).toBe(1);
});

describe("X-HC-31 panic", () => {
  test("when fewer than a share of the backends is healthy, all are used", async () => {
    const under = await startPlane();
    const shops = await Promise.all(["a", "b", "c", "d"].map((name) => openShop(name)));
    const healthcheck = { kind: "http", ...often, panicBelowPercent: 50 } as const;
    const backends = shops.map(({ backend }) => backend);
    const web = await serve(under, { strategy: "roundrobin", healthcheck, backends });
    const answers = async (): Promise<string> => {
      const each: string[] = [];
      for (let index = 0; index < 8; index += 1) each.push(await ask(web.port, "x"));
      return [...new Set(each)].toSorted().join("");
    };
    const [a, b, c] = shops;
    if (a === undefined || b === undefined || c === undefined) throw new Error("no shops");

    a.status = b.status = 503;
    await eventually(() => under.ofKind("backend.down").length === 2);
    await eventually(async () => (await answers()) === "cd");
    expect(under.ofKind("panic.started")).toEqual([]);

    c.status = 503;
    await eventually(() => under.ofKind("panic.started").length === 1);
    expect(under.ofKind("panic.started")).toMatchObject([{ healthy: 1, backends: 4 }]);
    await eventually(async () => (await answers()) === "abcd");
    expect(web.status().backends.filter(({ isLive }) => isLive)).toHaveLength(1);

    c.status = 200;
    await eventually(() => under.ofKind("panic.ended").length === 1);
    await eventually(async () => (await answers()) === "cd");
  });

  test("backends that nobody has checked yet are no reason for it", async () => {
    // Time stands still, so that the first checks never end.
    const under = await startPlane({ clock: new FakeClock() });
    const watchman = await startHttpBackend(() => undefined);
    const backend = await startBackend(greet("unchecked"));
    const healthcheck = {
      kind: "http",
      ...often,
      target: { port: watchman.port },
      initialStatus: "unhealthy",
      panicBelowPercent: 100,
    } as const;
    const web = await serve(under, { healthcheck, backends: [backend] });
    await eventually(() => watchman.requests.length === 1);
    expect([await ask(web.port), under.ofKind("panic.started")]).toEqual(["", []]);
  });
});

test("X-TCP-21 a backend whose dials fail in a row is left out for a time that grows", async () => {
  const clock = new FakeClock();
  const under = await startPlane({ clock });
  const port = await freePort();
  const dead = `127.0.0.1:${port}`;
  const alive = await startBackend(greet("alive"));
  const web = await serve(under, {
    strategy: "roundrobin",
    ejection: { failures: 3, time: "10s", maxTime: "15s" },
    backends: [alive, { host: "127.0.0.1", port }],
  });
  /** Clients notice nothing: each is tried on the other backend. */
  const askUntilEjected = async (times: number): Promise<void> => {
    await eventually(async () => {
      expect(await ask(web.port)).toBe("alive");
      return under.ofKind("ejection.started").length === times;
    });
    expect(web.backend(dead)).toMatchObject({ isEjected: true, isLive: true });
    clock.advance(poolGapMs);
    await eventually(async () => {
      const before = web.backend(dead).totals.refused;
      for (let index = 0; index < 10; index += 1) await ask(web.port);
      return web.backend(dead).totals.refused === before;
    });
  };

  await askUntilEjected(1);
  clock.advance(10_000 - poolGapMs - 1);
  expect(web.backend(dead).isEjected).toBe(true);
  clock.advance(1);
  expect(web.backend(dead).isEjected).toBe(false);
  await askUntilEjected(2);
  clock.advance(15_000);
  expect(under.ofKind("ejection.ended")).toHaveLength(2);

  expect(under.ofKind("ejection.started").map(({ backend, forMs }) => [backend, forMs])).toEqual([
    [dead, 10_000],
    [dead, 15_000],
  ]);
  for (const { failures } of under.ofKind("ejection.started")) {
    expect(failures).toBeGreaterThanOrEqual(3);
  }
  const back = await startBackend(greet("back"), { port });
  await eventually(async () => (await ask(web.port)) === "back");
  expect(back.accepted).toBeGreaterThan(0);
});

test("X-HC-30 the last results show with reason and duration", async () => {
  const under = await startPlane();
  const shop = await openShop("a");
  const healthcheck = { kind: "http", ...often } as const;
  const web = await serve(under, { healthcheck, backends: [shop.backend] });
  const checks = () => web.status().backends[0]?.checks ?? [];
  await eventually(() => checks().some(({ verdict }) => verdict === "passed"));
  shop.status = 500;
  await eventually(() => checks()[0]?.verdict === "failed");
  expect(checks()[0]).toMatchObject({ verdict: "failed", detail: "status 500" });
  expect(checks()[0]?.tookMs).toBeGreaterThan(0);
  await eventually(() => checks().length === 10);
});

test("F-HC-16 F-HC-19 an exec check decides about traffic, and what it says besides changes nothing", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("here"));
  const folder = await temporaryFolder(onTestFinished);
  const command = join(folder, "check.sh");
  const says = async (word: string): Promise<void> => {
    await writeFile(command, `#!/bin/sh\nprintf '%s' ${word}`);
    await chmod(command, 0o755);
  };
  await says("up");
  const healthcheck = {
    kind: "exec",
    ...often,
    command,
    expectedPositiveOutput: "up",
    expectedNegativeOutput: "down",
  } as const;
  const web = await serve(under, { healthcheck, backends: [backend] });
  const checks = () => web.status().backends[0]?.checks ?? [];
  await eventually(() => checks()[0]?.verdict === "passed");
  const saysNeither = async (): Promise<void> => {
    await says("maybe");
    await eventually(() =>
      checks()
        .slice(0, 3)
        .every(({ verdict }) => verdict === "none"),
    );
  };
  expect(await ask(web.port)).toBe("here");
  await saysNeither();
  expect(await ask(web.port)).toBe("here");
  await says("down");
  await eventually(async () => (await ask(web.port)) === "");
  await saysNeither();
  expect(await ask(web.port)).toBe("");
});
