import { expect, test } from "vitest";

import { singleSocketIdleMs } from "#shared/base/limits.ts";

import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { alone, only, startDatagrams } from "./datagram-rig.ts";
import type { EngineSubject } from "./relay-rig.ts";

const single = { mode: "single" } as const;

/** Datagrams that have no session: each is decided on by itself. */
export function singleCases(subject: EngineSubject): void {
  test("F-UDP-07 every datagram arrives by itself, no session lives on, and no reply is relayed", async () => {
    const backends = [await startUdpBackend(() => "no"), await startUdpBackend(() => "no")];
    const [even, odd] = backends;
    if (even === undefined || odd === undefined) throw new Error("no backend");
    let count = 0;
    const rig = await startDatagrams(subject, even, {
      listener: single,
      onEvent: (event, relay, { terms }) => {
        if (event.kind !== "arrived") return;
        count += 1;
        relay.forward(event.session, count % 2 === 0 ? even : odd, terms);
      },
    });
    const client = await openUdpClient(rig);
    for (let index = 0; index < 100; index += 1) await client.send(`${index}`);

    await eventually(() => even.received.length + odd.received.length === 100);
    expect([even.received.length, odd.received.length]).toEqual([50, 50]);
    const arrived = rig.ofKind("arrived");
    expect(new Set(arrived.map(({ session }) => session)).size).toBe(100);
    expect(arrived.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(190);
    await Promise.all(rig.engines.map((engine) => engine.stop()));
    expect(client.received).toEqual([]);
    expect(rig.ofKind("session-ended")).toEqual([]);
    // One socket for each backend, not for each client.
    expect(new Set(even.senders).size).toBeLessThanOrEqual(subject.engines);
  });

  test("F-UDP-07 a datagram that is refused goes nowhere", async () => {
    const backend = await startUdpBackend(() => undefined);
    const rig = await startDatagrams(alone(subject), backend, {
      listener: single,
      onEvent: (event, relay, { terms }) => {
        if (event.kind !== "arrived") return;
        if (event.bytes === 3) relay.refuse(event.session);
        else relay.forward(event.session, backend, terms);
      },
    });
    const client = await openUdpClient(rig);
    for (const text of ["no!", "yes!", "no!", "yes!"]) await client.send(text);

    await eventually(() => backend.received.length === 2);
    expect(backend.received.map((bytes) => bytes.toString())).toEqual(["yes!", "yes!"]);
  });

  test("a backend that nobody listens at is told by its target", async () => {
    const gone = { host: "127.0.0.1", port: await freePort() };
    const rig = await startDatagrams(alone(subject), gone, { listener: single });
    const client = await openUdpClient(rig);
    await eventually(async () => {
      await client.send("x");
      return rig.ofKind("target-refused").length > 0;
    });

    expect(rig.ofKind("target-refused")[0]).toMatchObject({ listener: 1, target: gone });
  });

  test("X-UDP-24 a socket towards a backend that is not used any more is closed", async () => {
    const clock = new FakeClock();
    const backend = await startUdpBackend(() => undefined);
    const rig = await startDatagrams(alone(subject), backend, { listener: single, clock });
    const client = await openUdpClient(rig);
    const before = openSockets();
    await client.send("x");
    await eventually(() => backend.received.length === 1);
    expect(openSockets()).toBe(before + 1);

    clock.advance(singleSocketIdleMs / 2);
    await client.send("y");
    await eventually(() => backend.received.length === 2);
    clock.advance(singleSocketIdleMs - 1_000);
    await client.send("z");
    await eventually(() => backend.received.length === 3);
    expect(new Set(backend.senders).size).toBe(1);
    clock.advance(singleSocketIdleMs + 2_000);
    await eventually(() => openSockets() === before);
  });

  test("the mode can change: sessions that live go on, what comes next is as the new one says", async () => {
    const backend = await startUdpBackend((bytes) => bytes);
    const rig = await startDatagrams(alone(subject), backend);
    const client = await openUdpClient(rig);
    expect(await client.ask("a")).toBe("a");
    only(rig).adjust(1, { mode: "single", transparent: false });
    await client.send("b");
    await eventually(() => backend.received.length === 2);
    only(rig).adjust(1, { mode: "sessions", transparent: false });

    expect(await client.ask("c")).toBe("c");
    expect(client.texts()).toEqual(["a", "c"]);
    expect(rig.ofKind("arrived")).toHaveLength(2);
  });
}
