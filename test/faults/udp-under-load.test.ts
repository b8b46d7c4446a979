import { decode, encode } from "dns-packet";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { engineMaker } from "../../node-agent/engine/choose-engine.ts";
import { startDatagrams } from "../contracts/engine/datagram-rig.ts";
import { startPlane, verified, type Given, type PlaneUnderTest } from "../support/data-plane.ts";
import { startDns } from "../support/dns-server.ts";
import { bothDrivers, engineOf } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { openSockets } from "../support/open-sockets.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startUdpBackend } from "../support/udp-backend.ts";
import { openUdpClient, type UdpClient } from "../support/udp-client.ts";

const udp = { protocol: "udp", limits: { clientIdleTimeout: "60s" } } as const satisfies Given;

describe.for(await bothDrivers())("udp under load, $driver", ({ driver, missing }) => {
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  async function plane(workers: number): Promise<PlaneUnderTest> {
    return startPlane({ workers, engine: await engineOf(driver) });
  }

  test("X-UDP-22 100 rounds of creating and deleting under datagram load leak nothing", async () => {
    const under = await plane(2);
    const backend = await startUdpBackend((bytes) => bytes);
    const port = await freePort();
    const clients = await Promise.all(Array.from({ length: 8 }, () => openUdpClient({ port })));
    let isOver = false;
    const load = Promise.all(
      clients.map(async (client) => {
        while (!isOver) {
          // Between two rounds nobody is there to take it.
          await client.send("x").catch(() => undefined);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    onTestFinished(() => {
      isOver = true;
    });
    let sockets = 0;
    for (let round = 0; round < 100; round += 1) {
      const balancer = verified({ ...udp, bind: [`127.0.0.1:${port}`], backends: [backend] });
      const received = backend.received.length;
      expect((await under.plane.start(balancer)).ok).toBe(true);
      await eventually(() => backend.received.length > received);
      await under.plane.remove(balancer.id, round % 2 === 0 ? 0 : 1_000);
      if (round % 2 === 0) await eventually(() => under.plane.status().length === 0);
      if (round === 10) sockets = openSockets();
    }
    isOver = true;
    await load;
    await eventually(() => under.plane.status().length === 0);

    expect(openSockets()).toBeLessThanOrEqual(sockets);
    expect(under.ofKind("worker.lost")).toEqual([]);
  });

  test("X-UDP-18 whatever comes around the idle deadline, all sessions are gone 5 s after silence", async () => {
    const backend = await startUdpBackend((bytes) => (bytes.length % 2 === 0 ? bytes : undefined));
    const create = engineMaker(await engineOf(driver));
    const idleMs = 60;
    const rig = await startDatagrams({ name: driver, driver, create, engines: 1 }, backend, {
      terms: { clientIdleMs: idleMs, backendIdleMs: idleMs, idleMode: "oneWay", maxResponses: 7 },
    });
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    const clock = systemClock();
    const untilMs = clock.monotonicMs() + 3_000;
    const speak = async (client: UdpClient): Promise<void> => {
      while (clock.monotonicMs() < untilMs) {
        await client.send("x".repeat(1 + Math.floor(random() * 4)));
        const pauseMs = idleMs * (0.8 + 0.4 * random());
        await new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
      }
    };
    const clients = await Promise.all(Array.from({ length: 40 }, () => openUdpClient(rig)));
    await Promise.all(clients.map(speak));

    const arrived = rig.ofKind("arrived").length;
    await eventually(() => rig.ofKind("session-ended").length === rig.ofKind("arrived").length, {
      withinMs: 5_000,
    });
    expect(arrived, `seed ${seed}`).toBeGreaterThan(40);
    const ended = rig.ofKind("session-ended").map(({ session }) => session);
    expect(new Set(ended).size).toBe(ended.length);
  });

  test("a DNS server behind a balancer answers a load of queries, and no answer is another's", async (context) => {
    const names = Array.from({ length: 100 }, (_, index) => `host${index}`);
    const zone = names.map((name, index) => `${name} 60 A 192.0.2.${index}`).join("\n");
    const search = await startDns(onTestFinished, `${zone}\n`);
    if (search.kind === "none") return context.skip(search.why);
    const under = await plane(2);
    const port = await freePort();
    const bind = [`127.0.0.1:${port}`];
    const started = await under.plane.start(
      verified({ ...udp, bind, backends: [search.dns.address] }),
    );
    expect(started.ok).toBe(true);
    const clients = await Promise.all(Array.from({ length: 20 }, () => openUdpClient({ port })));
    let right = 0;
    await Promise.all(
      clients.map(async (client, number) => {
        for (let round = 0; round < 50; round += 1) {
          const index = (number * 7 + round * 13) % names.length;
          const id = number * 1_000 + round;
          const name = `host${index}.example`;
          const question = encode({ type: "query", id, questions: [{ type: "A", name }] });
          const answer = decode(await client.askBytes(question));
          expect(answer).toMatchObject({ id, answers: [{ name, data: `192.0.2.${index}` }] });
          right += 1;
        }
      }),
    );

    expect(right).toBe(1_000);
    expect(under.ofKind("datagrams.dropped")).toEqual([]);
  });
});
