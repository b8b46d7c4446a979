import { beforeEach, describe, expect, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { execute, type StepResult } from "../../../node-agent/apply/execute.ts";
import type { FlowOutcome, VerifiedBalancer } from "../../../node-agent/apply/flows.ts";
import { plan } from "../../../node-agent/apply/plan.ts";
import type { Running } from "../../../node-agent/apply/running.ts";
import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { bothDrivers } from "../../support/drivers.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort, freePortRange } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { udp, udpPlane } from "./udp-plane.ts";

describe.for(await bothDrivers())("udp, $driver", ({ driver, missing }) => {
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  test("a TCP and a UDP balancer share a port, and each frees its own", async () => {
    const under = await udpPlane(driver, 2);
    const tcp = await startBackend(greet("tcp"));
    const other = await startUdpBackend(() => "udp");
    const web = await serve(under, { backends: [tcp] });
    const dns = verified({ ...udp, name: "dns", bind: [web.bind], backends: [other] });
    expect(await under.plane.start(dns)).toMatchObject({ ok: true });
    expect(await ask(web.port)).toBe("tcp");
    expect(await (await openUdpClient(web)).ask("x")).toBe("udp");

    await under.plane.remove(web.id, 0);
    const next = verified({ name: "next", bind: [web.bind], backends: [tcp] });
    expect(await under.plane.start(next)).toMatchObject({ ok: true });
    expect(await ask(web.port)).toBe("tcp");
    expect(await (await openUdpClient(web)).ask("y")).toBe("udp");

    await under.plane.remove(dns.id, 0);
    const later = await startUdpBackend(() => "later");
    const again = verified({ ...udp, name: "again", bind: [web.bind], backends: [later] });
    expect(await under.plane.start(again)).toMatchObject({ ok: true });
    expect(await (await openUdpClient(web)).ask("z")).toBe("later");
    expect(await ask(web.port)).toBe("tcp");
  });

  test("a balancer comes to speak UDP on its port, and TCP again, by the steps of its plan", async () => {
    const { plane } = await udpPlane(driver, 2);
    const tcp = await startBackend(greet("tcp"));
    const other = await startUdpBackend(() => "udp");
    const port = await freePort();
    const given = { id: "bal_both", bind: [`127.0.0.1:${port}`] };
    const web = verified({ ...given, backends: [tcp] });
    const dns = verified({ ...given, ...udp, backends: [other] });
    let running: Running = new Map();
    const become = async (balancer: VerifiedBalancer): Promise<void> => {
      const outcomes: FlowOutcome[] = [];
      const onResult = ({ outcome }: StepResult): void => void outcomes.push(outcome);
      const deps = { flows: plane, clock: systemClock(), onResult, isOvertaken: () => false };
      await execute(deps, plan(running, { balancers: [balancer], kept: new Set() }));
      expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
      running = new Map([[balancer.id, balancer]]);
    };

    await become(web);
    expect(await ask(port)).toBe("tcp");
    await become(dns);
    expect(await (await openUdpClient({ port })).ask("x")).toBe("udp");
    expect((await openClient(port)).errorCode).toBe("ECONNREFUSED");
    await become(web);
    expect(await ask(port)).toBe("tcp");
  });

  test.each(["tcp", "udp"] as const)(
    "a range of ports is listened on, port by port (%s)",
    async (protocol) => {
      const under = await udpPlane(driver, 2);
      const from = await freePortRange(3);
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
