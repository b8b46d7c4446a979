import { describe, expect, test } from "vitest";

import { addressBytes } from "#shared/base/ip-address.ts";

import { clientHash } from "../../../node-agent/elect/fnv.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { askFrom } from "../../support/client-from.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { tally } from "../../support/electing.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";

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

function at({ host, port }: FakeBackend): { host: string; port: number } {
  return { host, port };
}

const checks = { kind: "ping", interval: "100ms", timeout: "5s", fails: 1, passes: 1 } as const;

describe.each([1, 3])("strategies on %i worker(s)", (workers) => {
  test("X-BAL-24 leastconn counts connections being dialled: 100 at once over 4 backends are 25 ±2", async () => {
    const under = await startPlane({ workers });
    const hole = await startBlackHole();
    const backends = await Promise.all([1, 2, 3].map(() => startBackend(silent)));
    const web = await serve(under, { strategy: "leastconn", backends: [...backends, hole] });

    await Promise.all(Array.from({ length: 100 }, () => openClient(web.port)));

    // The fourth backend answers no dial: what it was given is still being dialled.
    await eventually(() => web.status().openConnections === 100);
    await eventually(() => backends.reduce((sum, { sockets }) => sum + sockets.size, 0) >= 73);
    const counts = backends.map(({ sockets }) => sockets.size);
    for (const count of [...counts, 100 - counts.reduce((a, b) => a + b, 0)]) {
      expect(Math.abs(count - 25)).toBeLessThanOrEqual(2);
    }
  });

  test("F-BAL-11 a new connection goes to a backend with the fewest active ones", async () => {
    const under = await startPlane({ workers });
    const [busy, free] = [await startBackend(silent), await startBackend(silent)];
    const web = await serve(under, { strategy: "leastconn", backends: [busy] });
    await Promise.all([1, 2, 3, 4, 5].map(() => openClient(web.port)));
    await eventually(() => busy.sockets.size === 5);

    await web.update({ strategy: "leastconn", backends: [busy, free] });
    for (let index = 1; index <= 5; index += 1) {
      await openClient(web.port);
      await eventually(() => free.sockets.size === index);
    }
    expect(busy.accepted).toBe(5);
  });

  test("F-BAL-14 F-BAL-15 iphash: by address and formula, from every source port", async () => {
    const under = await startPlane({ workers });
    const named = await namedBackends(5);
    const backends = named.map(({ backend }) => backend);
    const web = await serve(under, { strategy: "iphash", backends });
    for (let last = 1; last <= 20; last += 1) {
      const address = `127.0.7.${last}`;
      const hash = clientHash({ address: addressBytes(address), port: 0 }, false);
      const answers = [await askFrom(address, web.port), await askFrom(address, web.port)];
      const home = named[hash % 5]?.name;
      expect(answers).toEqual([home, home]);
    }
  });

  test("F-BAL-16 F-BAL-17 iphash1: a removed backend's clients move and come back, no others", async () => {
    const under = await startPlane({ workers });
    const named = await namedBackends(4);
    const given = (some: readonly NamedBackend[]) =>
      ({ strategy: "iphash1", backends: some.map(({ backend }) => backend) }) as const;
    const web = await serve(under, given(named));
    const addresses = Array.from({ length: 30 }, (_, last) => `127.0.8.${last + 1}`);
    const homes = async (): Promise<readonly string[]> =>
      Promise.all(addresses.map((address) => askFrom(address, web.port)));

    const before = await homes();
    const gone = named.find(({ name }) => before.includes(name));
    await web.update(given(named.filter((one) => one !== gone)));
    const without = await homes();
    await web.update(given(named));

    expect(await homes()).toEqual(before);
    for (const [index, home] of before.entries()) {
      if (home === gone?.name) expect(without[index]).not.toBe(home);
      else expect(without[index]).toBe(home);
    }
  });

  test("X-BAL-25 weighted round robin: of 8 connections in a row 5, 2 and 1", async () => {
    const under = await startPlane({ workers });
    const named = await namedBackends(3);
    const weights = [5, 2, 1];
    const backends = named.map(({ backend }, index) => ({
      ...at(backend),
      weight: weights[index] ?? 0,
    }));
    const strategyOptions = { weighted: true };
    const web = await serve(under, { strategy: "roundrobin", strategyOptions, backends });
    const answers: string[] = [];
    for (let index = 0; index < 24; index += 1) answers.push(await ask(web.port));
    const wanted = Object.fromEntries(named.map(({ name }, index) => [name, weights[index]]));
    for (const start of [0, 8, 16]) {
      expect(tally(answers.slice(start, start + 8))).toEqual(wanted);
    }
  });

  test("X-BAL-26 sticky: a client comes back to its backend, whichever worker takes it", async () => {
    const under = await startPlane({ workers });
    const named = await namedBackends(3);
    const given = (some: readonly NamedBackend[]) =>
      ({
        strategy: "roundrobin",
        strategyOptions: { sticky: { expiry: "1h", entriesMax: 100 } },
        backends: some.map(({ backend }) => backend),
      }) as const;
    const web = await serve(under, given(named));
    const addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    const homes = new Map<string, string>();
    for (const address of addresses) homes.set(address, await askFrom(address, web.port));
    expect(new Set(homes.values()).size).toBe(3);
    for (let round = 0; round < 4; round += 1) {
      for (const address of addresses) {
        expect(await askFrom(address, web.port)).toBe(homes.get(address));
      }
    }

    // Another expiry forgets nobody; a backend that goes has its client go elsewhere, and stay there.
    const gone = homes.get("127.0.0.2");
    await web.update(given(named.filter(({ name }) => name !== gone)));
    const next = await askFrom("127.0.0.2", web.port);
    expect(next).not.toBe(gone);
    await web.update(given(named));
    expect(await askFrom("127.0.0.2", web.port)).toBe(next);
    expect(await askFrom("127.0.0.1", web.port)).toBe(homes.get("127.0.0.1"));
  });
});

test("F-BAL-13 leastbandwidth: a backend without traffic is preferred after the measurement", async () => {
  const under = await startPlane();
  const [one, other] = await namedBackends(2);
  if (one === undefined || other === undefined) throw new Error("too few backends");
  const talker = await startBackend((socket) => {
    const pump = setInterval(() => socket.write(Buffer.alloc(10_000)), 20);
    socket.resume();
    socket.once("close", () => clearInterval(pump));
  });
  const strategy = "leastbandwidth";
  const web = await serve(under, { strategy, backends: [talker] });
  const client = await openClient(web.port);
  await client.receives(1);

  await web.update({ strategy, backends: [talker, one.backend, other.backend] });
  const name = `127.0.0.1:${talker.port}`;
  await eventually(() => web.backend(name).rates.rxPerSecond > 0);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(web.port)));
  expect(new Set(answers)).toEqual(new Set([one.name, other.name]));
  expect(talker.accepted).toBe(1);
});

test("X-BAL-27 a backup serves while fewer than the minimum of primaries live, and then no more", async () => {
  const under = await startPlane();
  const ports = [await freePort(), await freePort()] as const;
  const first = await startBackend(greet("first"), { port: ports[0] });
  const second = await startBackend(greet("second"), { port: ports[1] });
  const backup = await startBackend(greet("backup"));
  const web = await serve(under, {
    strategy: "roundrobin",
    strategyOptions: { backupBelow: 2 },
    healthcheck: checks,
    backends: [at(first), at(second), { ...at(backup), priority: 2 }],
  });
  const some = async (): Promise<ReadonlySet<string>> => {
    const answers: string[] = [];
    for (let index = 0; index < 6; index += 1) answers.push(await ask(web.port));
    return new Set(answers);
  };
  expect(await some()).toEqual(new Set(["first", "second"]));

  await first.stop();
  await eventually(() => under.ofKind("backend.down").length === 1);
  await eventually(async () => (await ask(web.port)) === "backup");
  expect(await some()).toEqual(new Set(["second", "backup"]));

  await startBackend(greet("first"), { port: ports[0] });
  await eventually(() => under.ofKind("backend.up").length === 1);
  await eventually(async () => (await ask(web.port)) === "first");
  expect(await some()).toEqual(new Set(["first", "second"]));
});

test("X-BAL-29 a recovered backend starts slowly", async () => {
  const under = await startPlane();
  const port = await freePort();
  const first = await startBackend(greet("first"), { port });
  const second = await startBackend(greet("second"));
  const web = await serve(under, {
    strategyOptions: { slowStart: "1h" },
    healthcheck: checks,
    backends: [at(first), at(second)],
  });
  const firsts = async (): Promise<number> => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(web.port)));
    return answers.filter((answer) => answer === "first").length;
  };
  expect(await firsts()).toBeGreaterThan(20);

  await first.stop();
  await eventually(() => under.ofKind("backend.down").length === 1);
  await startBackend(greet("first"), { port });
  await eventually(() => under.ofKind("backend.up").length === 1);
  expect(await firsts()).toBeLessThan(15);

  await web.update({ healthcheck: checks, backends: [at(first), at(second)] });
  expect(await firsts()).toBeGreaterThan(20);
});
