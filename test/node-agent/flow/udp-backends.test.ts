import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { serve } from "../../support/data-plane.ts";
import { bothDrivers } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { clients, idle, named, udp, udpPlane } from "./udp-plane.ts";

describe.for(await bothDrivers())("udp, $driver", ({ driver, missing }) => {
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  test("F-HC-23 a udp balancer has exec and probe checks, which take a backend down and up", async () => {
    const under = await udpPlane(driver, 1);
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

  test("F-UDP-14 a backend that refuses datagrams is counted, told of, and left out", async () => {
    const under = await udpPlane(driver, 1);
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
    const under = await udpPlane(driver, 2);
    const [first, second] = [await named(), await named()];
    const probe = {
      kind: "probe",
      protocol: "udp",
      send: "ping",
      recv: "127.0.0.1",
      strategy: "startsWith",
      interval: "100ms",
      timeout: "5s",
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
    const under = await udpPlane(driver, 1);
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
    const under = await udpPlane(driver, 1);
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
});
