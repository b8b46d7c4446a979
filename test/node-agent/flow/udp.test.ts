import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Given, PlaneUnderTest } from "../../support/data-plane.ts";
import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { reasonLog } from "../../support/reason-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask } from "../../support/test-client.ts";
import { startUdpBackend, type UdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient, type UdpClient } from "../../support/udp-client.ts";
import { udpDrivers } from "../../support/udp-drivers.ts";

const idle = { clientIdleTimeout: "60s" } as const;
const udp = { protocol: "udp", limits: idle } as const satisfies Given;

/** A backend that answers with its own name. */
async function named(): Promise<UdpBackend & { readonly name: string }> {
  let name = "";
  const backend = await startUdpBackend(() => name);
  name = `127.0.0.1:${backend.port}`;
  return { ...backend, name };
}

async function clients(port: number, count: number): Promise<readonly UdpClient[]> {
  return Promise.all(Array.from({ length: count }, () => openUdpClient({ port })));
}

async function isBindable(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(port, "127.0.0.1");
  return Promise.race([
    once(socket, "listening").then(() => true),
    once(socket, "error").then(() => false),
  ]);
}

describe.each(await udpDrivers())("udp, %s", (driver) => {
  async function plane(workers: number): Promise<PlaneUnderTest> {
    return startPlane({ workers, engine: await engineOf(driver) });
  }

  test("F-HC-23 a udp balancer has exec and probe checks, which take a backend down and up", async () => {
    const under = await plane(1);
    const often = { interval: "50ms", timeout: "1s", fails: 1, passes: 1 } as const;
    let isWell = true;
    const backend = await startUdpBackend(() => (isWell ? "PONG" : "what?"));
    const flag = join(await temporaryFolder(onTestFinished), "ill");
    const program = `${flag}.sh`;
    await writeFile(program, `#!/bin/sh\n[ -e ${flag} ] && printf 0 || printf 1\n`);
    await chmod(program, 0o755);
    const outputs = { expectedPositiveOutput: "1", expectedNegativeOutput: "0" };
    const asked = { send: "PING", recv: "PONG", strategy: "startsWith" } as const;
    for (const healthcheck of [
      { kind: "probe", protocol: "udp", ...asked, ...often },
      { kind: "exec", command: program, ...outputs, ...often },
    ] as const) {
      const dns = await serve(under, { ...udp, healthcheck, backends: [backend] });
      const isLive = () => dns.status().backends[0]?.isLive;
      const first = () => dns.status().backends[0]?.checks[0]?.verdict;
      await eventually(() => first() === "passed");
      isWell = false;
      await writeFile(flag, "");
      await eventually(() => isLive() === false);
      isWell = true;
      await rm(flag);
      await eventually(() => isLive() === true);
    }
  });

  describe.each([1, 3])("on %i worker(s)", (workers) => {
    test("F-UDP-10 sessions show as active and in the total of their backend, with their bytes", async () => {
      const under = await plane(workers);
      const backend = await startUdpBackend(() => "four");
      const dns = await serve(under, { ...udp, backends: [backend] });
      for (const client of await clients(dns.port, 5)) {
        expect([await client.ask("ab"), await client.ask("c")]).toEqual(["four", "four"]);
      }
      const name = `127.0.0.1:${backend.port}`;
      await eventually(() => dns.backend(name).totals.rxBytes === 40);

      expect(dns.backend(name)).toMatchObject({
        activeConnections: 5,
        totals: { connections: 5, rxBytes: 40, txBytes: 15, refused: 0 },
      });
      expect(dns.status()).toMatchObject({ openConnections: 5, totals: { connections: 5 } });
    });

    test("F-UDP-11 a backend takes as many sessions as it may, exactly", async () => {
      const under = await plane(workers);
      const [small, large] = [await named(), await named()];
      const dns = await serve(under, {
        ...udp,
        strategy: "roundrobin",
        backends: [
          { ...small, maxConnections: 2 },
          { ...large, maxConnections: 3 },
        ],
      });
      const all = await clients(dns.port, 9);
      for (const client of all) await client.send("x");
      await eventually(() => dns.status().totals.rejected === 4);

      expect(dns.backend(small.name).activeConnections).toBe(2);
      expect(dns.backend(large.name).activeConnections).toBe(3);
      await eventually(() => all.flatMap((client) => client.texts()).length === 5);
      expect(under.ofKind("clients.turned-away")[0]).toMatchObject({ reason: "backends-full" });
    });

    test("X-UDP-16 a full balancer ends a session to take a new one, counts both, and never has more", async () => {
      const under = await plane(workers);
      const backend = await startUdpBackend((bytes) => bytes);
      const dns = await serve(under, {
        ...udp,
        limits: { ...idle, maxConnections: 4 },
        backends: [backend],
      });
      const name = `127.0.0.1:${backend.port}`;
      let answered = 0;
      for (const client of await clients(dns.port, 40)) {
        await client.send("x");
        answered += 1;
        await eventually(() => {
          const { connections, rejected } = dns.status().totals;
          return connections + rejected === answered;
        });
        expect(dns.status().openConnections).toBeLessThanOrEqual(4);
      }
      const { connections, rejected } = dns.status().totals;
      expect(connections + rejected).toBe(40);
      // A worker that has no session of its own turns away.
      if (workers === 1) expect(rejected).toBe(0);
      await eventually(() => dns.backend(name).activeConnections === 4);
      await eventually(() => {
        const evicted = under.ofKind("sessions.evicted");
        return evicted.reduce((sum, { count }) => sum + count, 0) === connections - 4;
      });
      expect(dns.status().unserved.sessionsEvicted).toBe(connections - 4);
    });

    test("X-UDP-16 one address has as many sessions as it may, and others have theirs", async () => {
      const under = await plane(workers);
      const backend = await startUdpBackend((bytes) => bytes);
      const dns = await serve(under, {
        ...udp,
        limits: { ...idle, perClient: { maxConnections: 3 } },
        backends: [backend],
      });
      for (const client of await clients(dns.port, 10)) await client.send("x");
      await eventually(() => dns.status().totals.rejected === 7);
      expect(dns.status().openConnections).toBe(3);

      const other = await openUdpClient({ port: dns.port }, { host: "127.0.0.7" });
      expect(await other.ask("y")).toBe("y");
    });

    test("F-UDP-13 deleting a balancer ends its sessions and closes the socket", async () => {
      const under = await plane(workers);
      const backend = await startUdpBackend((bytes) => bytes);
      const dns = await serve(under, { ...udp, backends: [backend] });
      for (const client of await clients(dns.port, 3)) await client.ask("x");
      const outcome = await under.plane.remove(dns.id, 0);

      expect(outcome.ok).toBe(true);
      await eventually(() => under.ofKind("balancer.drained").length === 1);
      expect(under.plane.status()).toEqual([]);
      expect(await isBindable(dns.port)).toBe(true);
    });

    test("F-UDP-13 sessions have their time to drain, new clients are not taken, and whoever follows does not wait", async () => {
      const under = await plane(workers);
      const backend = await startUdpBackend((bytes) => bytes);
      const dns = await serve(under, { ...udp, backends: [backend] });
      const known = await openUdpClient(dns);
      await known.ask("x");
      await under.plane.remove(dns.id, 60_000);

      expect(await known.ask("y")).toBe("y");
      await (await openUdpClient(dns)).send("nobody");
      await eventually(() => under.ofKind("datagrams.dropped").length > 0);
      expect(under.ofKind("datagrams.dropped")[0]).toMatchObject({ reason: "sealed", count: 1 });
      expect(dns.status().unserved.datagramsDropped).toEqual({ sealed: 1 });
      const next = await startUdpBackend(() => "next");
      const started = await under.plane.start(
        verified({ ...udp, bind: [dns.bind], backends: [next] }),
      );
      expect(started.ok).toBe(true);
      expect(await known.ask("z")).toBe("next");
    });
  });

  test.each(["roundrobin", "leastconn"] as const)(
    "F-BAL-22 sessions are elected by %s",
    async (strategy) => {
      const under = await plane(2);
      const backends = [await named(), await named(), await named()].toSorted((a, b) =>
        a.name < b.name ? -1 : 1,
      );
      const dns = await serve(under, { ...udp, strategy, backends });
      const answers: string[] = [];
      for (const client of await clients(dns.port, 12)) {
        const answer = await client.ask("x");
        answers.push(answer);
        // A session stays where it is.
        expect(await client.ask("y")).toBe(answer);
      }
      const counts = backends.map(({ name }) => answers.filter((answer) => answer === name).length);

      const names = backends.map(({ name }) => name);
      switch (strategy) {
        case "roundrobin":
          expect(answers).toEqual([...names, ...names, ...names, ...names]);
          break;
        case "leastconn":
          expect(counts).toEqual([4, 4, 4]);
          break;
      }
    },
  );

  test.each(["iphash", "iphash1"] as const)(
    "F-BAL-22 sessions are elected by %s: an address has its backend, whatever its port, and others have others",
    async (strategy) => {
      const under = await plane(2);
      const backends = [await named(), await named(), await named()];
      const dns = await serve(under, { ...udp, strategy, backends });
      const homes = new Set<string>();
      for (let index = 1; index <= 40; index += 1) {
        const from = { host: `127.0.0.${index}` };
        const [first, second] = [await openUdpClient(dns, from), await openUdpClient(dns, from)];
        const home = await first.ask("x");
        expect(await second.ask("x")).toBe(home);
        homes.add(home);
      }

      expect(homes).toEqual(new Set(backends.map(({ name }) => name)));
    },
  );

  test("F-BAL-22 sessions are elected by weight: none for a backend of weight 0, and some for each other one", async () => {
    const under = await plane(2);
    const [none, ...some] = [await named(), await named(), await named(), await named()];
    const backends = [{ ...none, weight: 0 }, ...some];
    const dns = await serve(under, { ...udp, strategy: "weight", backends });
    const answers = await Promise.all(
      (await clients(dns.port, 60)).map(async (client) => client.ask("x")),
    );

    expect(new Set(answers)).toEqual(new Set(some.map(({ name }) => name)));
  });

  test("F-BAL-22 sessions are elected by leastbandwidth: none for the backend that has traffic", async () => {
    const under = await plane(2);
    const [talker, ...others] = [await named(), await named(), await named()];
    const strategy = "leastbandwidth";
    const dns = await serve(under, { ...udp, strategy, backends: [talker] });
    const listener = await openUdpClient(dns);
    await listener.ask("x");
    const [session = ""] = talker.senders;
    const talk = setInterval(() => talker.say("y".repeat(1_000), session), 20);
    onTestFinished(() => clearInterval(talk));
    await dns.update({ ...udp, strategy, backends: [talker, ...others] });
    await eventually(() => dns.backend(talker.name).rates.rxPerSecond > 0, { withinMs: 20_000 });
    const answers = await Promise.all(
      (await clients(dns.port, 20)).map(async (client) => client.ask("x")),
    );

    expect(new Set(answers)).toEqual(new Set(others.map(({ name }) => name)));
    expect(new Set(talker.senders).size).toBe(1);
  });

  test("F-UDP-07 with maxRequests 1 every datagram is balanced by itself, and only bytes are counted", async () => {
    const under = await plane(1);
    const backends = [await named(), await named()];
    const dns = await serve(under, {
      protocol: "udp",
      udp: { maxRequests: 1 },
      strategy: "roundrobin",
      backends,
    });
    const client = await openUdpClient(dns);
    for (let count = 0; count < 20; count += 1) await client.send("0123456789");
    await eventually(() => dns.status().totals.txBytes === 200);

    expect(backends.map(({ received }) => received.length)).toEqual([10, 10]);
    expect(client.texts()).toEqual([]);
    expect(dns.status()).toMatchObject({ openConnections: 0, totals: { connections: 0 } });
  });

  test("F-UDP-08 F-ACL-06 a denied source is dropped, makes no session, and rules change live", async () => {
    const under = await plane(2);
    const backend = await startUdpBackend((bytes) => bytes);
    const given = { ...udp, backends: [backend] };
    const access = { default: "allow" as const, rules: ["deny 127.0.0.8"] };
    const dns = await serve(under, { ...given, access });
    const denied = await openUdpClient(dns, { host: "127.0.0.8" });
    await denied.send("x");
    await eventually(() => dns.status().totals.rejected === 1);

    expect(await (await openUdpClient(dns)).ask("y")).toBe("y");
    expect(backend.received.map((bytes) => bytes.toString())).toEqual(["y"]);
    expect(dns.status().totals.connections).toBe(1);
    await dns.update(given);
    expect(await denied.ask("z")).toBe("z");
  });

  test("F-UDP-08 F-ACL-06 a client that a changed list denies is dropped although its session is open, and others go on", async () => {
    const { accessLog, reasons } = reasonLog();
    const under = await startPlane({ workers: 2, engine: await engineOf(driver), accessLog });
    const backend = await startUdpBackend((bytes) => bytes);
    const given = { ...udp, accessLog: {}, backends: [backend] };
    const only = (...hosts: string[]): Given => {
      const rules = hosts.map((host) => `allow ${host}`);
      return { ...given, access: { default: "deny", rules } };
    };
    const dns = await serve(under, only("127.0.0.5", "127.0.0.6"));
    const [going, staying] = [
      await openUdpClient(dns, { host: "127.0.0.5" }),
      await openUdpClient(dns, { host: "127.0.0.6" }),
    ];
    for (const client of [going, staying]) expect(await client.ask("x")).toBe("x");
    await dns.update(only("127.0.0.6"));
    await eventually(() => dns.status().openConnections === 1);
    await eventually(() => expect(reasons).toEqual(["access-denied"]));
    await going.send("denied");
    await eventually(() => dns.status().totals.rejected === 1);

    expect(await staying.ask("y")).toBe("y");
    expect(backend.received.map((bytes) => bytes.toString())).toEqual(["x", "x", "y"]);
    expect(dns.status()).toMatchObject({ openConnections: 1, totals: { connections: 2 } });
    await dns.update(only("127.0.0.5", "127.0.0.6"));
    expect(await going.ask("z")).toBe("z");
  });

  test("F-UDP-14 a backend that refuses datagrams is counted, told of, and left out", async () => {
    const under = await plane(1);
    const gone = { host: "127.0.0.1", port: await freePort() };
    const backend = await named();
    const dns = await serve(under, {
      ...udp,
      strategy: "roundrobin",
      ejection: { failures: 2, time: "60s" },
      backends: [gone, backend],
    });
    await eventually(async () => {
      await (await openUdpClient(dns)).send("x");
      return under.ofKind("ejection.started").length > 0;
    });

    expect(under.ofKind("dials.failed")[0]).toMatchObject({ code: "ECONNREFUSED" });
    expect(dns.backend(`127.0.0.1:${gone.port}`).totals.refused).toBeGreaterThanOrEqual(2);
    for (const client of await clients(dns.port, 4)) {
      expect(await client.ask("y")).toBe(backend.name);
    }
  });

  test("X-UDP-19 with cutOnBackendLoss the session of a backend that turned unhealthy is elected anew", async () => {
    const under = await plane(2);
    const [first, second] = [await named(), await named()];
    const probe = {
      kind: "probe",
      protocol: "udp",
      send: "ping",
      recv: "127.0.0.1",
      strategy: "startsWith",
      interval: "100ms",
      timeout: "90ms",
      fails: 1,
      passes: 1,
    } as const;
    const dns = await serve(under, {
      ...udp,
      strategy: "iphash",
      cutOnBackendLoss: true,
      healthcheck: probe,
      backends: [first, second],
    });
    const client = await openUdpClient(dns);
    const before = await client.ask("x");
    const [kept, lost] = before === first.name ? [second, first] : [first, second];
    lost.close();
    await eventually(() => under.ofKind("connections.cut").length > 0);

    expect(await client.ask("y")).toBe(kept.name);
  });

  test("X-UDP-20 backends are sent to from the address that the definition names", async () => {
    const under = await plane(1);
    const backend = await startUdpBackend((bytes) => bytes);
    const dns = await serve(under, {
      ...udp,
      udp: { sourceAddress: "127.0.0.12" },
      backends: [backend],
    });

    expect(await (await openUdpClient(dns)).ask("x")).toBe("x");
    expect(backend.senders[0]).toMatch(/^127\.0\.0\.12:/);
  });

  test("a session whose backend cannot be sent to gets another one; without another its client is turned away, each tried once", async () => {
    const under = await plane(1);
    const backend = await named();
    const [one, other] = [
      { host: "::1", port: await freePort() },
      { host: "::1", port: await freePort() },
    ];
    // From an IPv4 address nobody is sent to who has an IPv6 one.
    const given = { ...udp, udp: { sourceAddress: "127.0.0.12" }, strategy: "roundrobin" } as const;
    const dns = await serve(under, { ...given, backends: [one, backend] });
    for (const client of await clients(dns.port, 4)) {
      expect(await client.ask("x")).toBe(backend.name);
    }
    await eventually(() => under.ofKind("dials.failed").length > 0);
    expect(under.ofKind("dials.failed")[0]).toMatchObject({ backend: `[::1]:${one.port}` });

    const limits = { ...idle, maxConnections: 1, perClient: { maxConnections: 1 } };
    const alone = await serve(under, { ...given, limits, backends: [one, other] });
    for (const count of [1, 2, 3]) {
      await (await openUdpClient(alone)).send("x");
      await eventually(() => alone.status().totals.rejected === count);
    }
    const told = () => under.ofKind("clients.turned-away");
    await eventually(() => told().reduce((sum, { count }) => sum + count, 0) === 3);
    // Nobody who was turned away keeps a place, or the next one would be refused for want of it.
    expect(new Set(told().map(({ reason }) => reason))).toEqual(new Set(["connect-failed"]));
    const failed = (port: number) =>
      under
        .ofKind("dials.failed")
        .filter((event) => event.balancer === alone.id && event.backend === `[::1]:${port}`)
        .reduce((sum, { count }) => sum + count, 0);
    await eventually(() => expect([failed(one.port), failed(other.port)]).toEqual([3, 3]));
  });

  test("X-UDP-16 a session that has ended gives its places back", async () => {
    const under = await plane(1);
    const backend = await startUdpBackend((bytes) => bytes);
    const dns = await serve(under, {
      ...udp,
      limits: { ...idle, maxConnections: 1, perClient: { maxConnections: 1 } },
      udp: { maxResponses: 1 },
      backends: [backend],
    });
    for (const client of await clients(dns.port, 5)) {
      expect(await client.ask("x")).toBe("x");
      await eventually(() => dns.status().openConnections === 0);
    }
    expect(dns.status().totals).toMatchObject({ connections: 5, rejected: 0 });
    expect(under.ofKind("sessions.evicted")).toEqual([]);
  });

  test("a TCP and a UDP balancer share a port, and one that becomes the other frees it", async () => {
    const under = await plane(2);
    const tcp = await startBackend(greet("tcp"));
    const other = await startUdpBackend(() => "udp");
    const web = await serve(under, { backends: [tcp] });
    const dns = await under.plane.start(
      verified({ ...udp, name: "dns", bind: [web.bind], backends: [other] }),
    );

    expect(dns.ok).toBe(true);
    expect(await ask(web.port)).toBe("tcp");
    expect(await (await openUdpClient(web)).ask("x")).toBe("udp");
  });

  test.each(["tcp", "udp"] as const)(
    "a range of ports is listened on, port by port (%s)",
    async (protocol) => {
      const under = await plane(2);
      const from = 20_000 + Math.floor(Math.random() * 4_000) * 3;
      const bind = [`127.0.0.1:${from}-${from + 2}`];
      const tcp = await startBackend(greet("here"));
      const datagrams = await startUdpBackend(() => "here");
      const speaks = protocol === "udp" ? udp : {};
      const backends = [protocol === "udp" ? datagrams : tcp];
      const answers = async (port: number): Promise<string> =>
        protocol === "tcp" ? ask(port) : (await openUdpClient({ port })).ask("x");
      const range = await serve(under, { ...speaks, bind, backends });
      expect(range.status().binds).toEqual(bind);
      for (const port of [from, from + 1, from + 2]) expect(await answers(port)).toBe("here");

      const less = [`127.0.0.1:${from + 1}-${from + 2}`];
      expect(await range.update({ ...speaks, bind: less, backends })).toMatchObject({ ok: true });
      expect(range.status().binds).toEqual(less);
      expect(await answers(from + 1)).toBe("here");
      const first = await under.plane.start(
        verified({ ...speaks, name: "first", bind: [`127.0.0.1:${from}`], backends }),
      );
      expect(first.ok).toBe(true);
    },
  );
});

test("a wildcard is refused by name where replies could leave by another address", async () => {
  const under = await startPlane({ engine: { driver: "portable" } });
  const bind = [`:${await freePort()}`];

  expect(await under.plane.start(verified({ ...udp, bind }))).toEqual({
    ok: false,
    problems: [{ pointer: "/bind/0", code: "unsupported", detail: "needs udp:wildcard" }],
  });
});

test("transparent mode is refused by name where the system gives no such thing", async () => {
  const under = await startPlane({ engine: { driver: "portable" } });
  const given = { ...udp, udp: { transparent: true }, bind: ["127.0.0.1:5353"] };

  expect(await under.plane.start(verified(given))).toMatchObject({
    problems: [{ pointer: "/udp/transparent", detail: "needs udp:transparent" }],
  });
});
