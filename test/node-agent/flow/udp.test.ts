import { createSocket } from "node:dgram";
import { once } from "node:events";

import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { serve, startPlane, verified, type Given } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { reasonLog } from "../../support/reason-log.ts";
import { throughout } from "../../support/throughout.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { clients, idle, named, udp, udpPlane } from "./udp-plane.ts";

async function isBindable(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(port, "127.0.0.1");
  return Promise.race([
    once(socket, "listening").then(() => true),
    once(socket, "error").then(() => false),
  ]);
}

describe.for(await bothDrivers())("udp, $driver", ({ driver, missing }) => {
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  describe.each([1, 3])("on %i worker(s)", (workers) => {
    test("F-UDP-10 sessions show as active and in the total of their backend, with their bytes", async () => {
      const under = await udpPlane(driver, workers);
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
      const under = await udpPlane(driver, workers);
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
      await eventually(() => under.ofKind("clients.turned-away").length > 0);
      expect(under.ofKind("clients.turned-away")[0]).toMatchObject({ reason: "backends-full" });
    });

    test("X-UDP-16 a full balancer ends a session to take a new one, counts both, and never has more", async () => {
      const under = await udpPlane(driver, workers);
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
      const under = await udpPlane(driver, workers);
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
      const under = await udpPlane(driver, workers);
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
      const under = await udpPlane(driver, workers);
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

  test("F-UDP-07 with maxRequests 1 every datagram is balanced by itself, and only bytes are counted", async () => {
    const under = await udpPlane(driver, 1);
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

    await eventually(() =>
      expect(backends.map(({ received }) => received.length)).toEqual([10, 10]),
    );
    // Each of them has answered by now.
    await throughout(() => expect(client.texts()).toEqual([]), { forMs: 200 });
    expect(dns.status()).toMatchObject({ openConnections: 0, totals: { connections: 0 } });
  });

  test("F-UDP-08 F-ACL-06 a denied source is dropped, makes no session, and rules change live", async () => {
    const under = await udpPlane(driver, 2);
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

  test("X-UDP-16 a session that has ended gives its places back", async () => {
    const under = await udpPlane(driver, 1);
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
});
