import { expect, test } from "vitest";

import { datagramBytesMax, heldDatagramsMax } from "#shared/base/limits.ts";

import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { alone, forwardTo, only, startDatagrams } from "./datagram-rig.ts";
import type { EngineSubject } from "./relay-rig.ts";

/** Its header takes 20 bytes of the packet's 65,535, and UDP's 8. */
const ipv4DatagramBytesMax = 65_507;
const echo = (bytes: Buffer): Buffer => bytes;

/** Sessions: a client, its backend, and what goes between them. */
export function sessionCases(subject: EngineSubject): void {
  test("F-UDP-01 a reply comes from the address and port that were asked", async () => {
    const backend = await startUdpBackend((bytes) => `you said ${bytes.toString()}`);
    const rig = await startDatagrams(subject, backend);
    const client = await openUdpClient(rig);

    expect(await client.ask("hello")).toBe("you said hello");
    expect(client.received[0]?.from).toMatchObject({ address: "127.0.0.1", port: rig.port });
    const [arrived] = await rig.some("arrived");
    expect(arrived).toMatchObject({
      listener: 1,
      bytes: 5,
      peer: {
        address: "127.0.0.1",
        port: client.port,
        localAddress: "127.0.0.1",
        localPort: rig.port,
      },
    });
  });

  test("F-UDP-02 a client arrives once, and is one sender to its backend; another is another", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, backend);
    const clients = [await openUdpClient(rig), await openUdpClient(rig)];
    for (const client of clients) {
      for (const text of ["a", "b", "c"]) expect(await client.ask(text)).toBe(text);
    }

    expect(rig.ofKind("arrived")).toHaveLength(2);
    expect(new Set(backend.senders).size).toBe(2);
    expect(backend.received).toHaveLength(6);
  });

  test("IPv6 clients are relayed as IPv4 ones are", async () => {
    const rig = await startDatagrams(subject, await startUdpBackend(echo), { host: "::1" });
    const client = await openUdpClient({ host: "::1", port: rig.port });

    expect(await client.ask("six")).toBe("six");
    expect((await rig.some("arrived"))[0].peer).toMatchObject({
      address: "::1",
      localAddress: "::1",
    });
  });

  test("F-UDP-09 datagrams of 0 and of 65,507 bytes pass, both ways, whole", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, backend);
    const client = await openUdpClient(rig);
    const largest = Buffer.alloc(ipv4DatagramBytesMax, "xyz");

    expect(await client.ask("")).toBe("");
    expect(await client.ask(largest)).toBe(largest.toString());
    expect(backend.received.map(({ length }) => length)).toEqual([0, ipv4DatagramBytesMax]);
  });

  test("F-UDP-09 the largest datagrams of IPv6, of 65,527 bytes, pass as well", async () => {
    const backend = await startUdpBackend(echo, { host: "::1" });
    const rig = await startDatagrams(subject, backend, { host: "::1" });
    const client = await openUdpClient({ host: "::1", port: rig.port });
    const largest = Buffer.alloc(datagramBytesMax, "xyz");

    expect(await client.ask(largest)).toBe(largest.toString());
    expect(backend.received.map(({ length }) => length)).toEqual([65_527]);
    expect(rig.ofKind("datagrams-dropped")).toEqual([]);
  });

  test("what comes before the answer is held, in order, and what is more is dropped and counted", async () => {
    const backend = await startUdpBackend(() => undefined);
    const rig = await startDatagrams(alone(subject), backend, { onEvent: () => undefined });
    const client = await openUdpClient(rig);
    for (let count = 0; count < heldDatagramsMax + 5; count += 1) await client.send(`${count}`);
    const [{ session }] = await rig.some("arrived");
    await eventually(() => {
      const dropped = rig.ofKind("datagrams-dropped");
      return dropped.reduce((sum, { count }) => sum + count, 0) === 5;
    });
    only(rig).forward(session, backend, rig.terms);

    await eventually(() => backend.received.length === heldDatagramsMax);
    const texts = backend.received.map((bytes) => bytes.toString());
    expect(texts).toEqual(Array.from({ length: heldDatagramsMax }, (_, index) => `${index}`));
    expect(rig.ofKind("datagrams-dropped")[0]).toMatchObject({ listener: 1, reason: "held-full" });
    expect(rig.ofKind("arrived")).toHaveLength(1);
  });

  test("F-ACL-06 a client that is refused leaves nothing, and its next datagram arrives anew", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), backend, {
      onEvent: (event, relay) => {
        if (event.kind === "arrived") relay.refuse(event.session);
      },
    });
    const client = await openUdpClient(rig);
    await client.send("one");
    await rig.some("arrived");
    await client.send("two");

    const [one, two] = await rig.some("arrived", 2);
    expect(two?.session).not.toBe(one.session);
    only(rig).forward(one.session, backend, rig.terms);
    only(rig).end(one.session, "removed");
    expect(backend.received).toEqual([]);
    expect(rig.ofKind("session-ended")).toEqual([]);
  });

  test("bytes and datagrams are told while a session lives, and in the end, to the byte", async () => {
    const backend = await startUdpBackend((bytes) => Buffer.concat([bytes, bytes]));
    const rig = await startDatagrams(alone(subject), backend);
    const client = await openUdpClient(rig);
    await client.ask("abc");
    await client.ask("de");
    const [{ session }] = await rig.some("arrived");

    const told = { session, rxBytes: 10, txBytes: 5, rxDatagrams: 2, txDatagrams: 2 };
    await eventually(() => {
      const [moved] = only(rig).takeMoved();
      if (moved !== undefined) expect(moved).toEqual(told);
      return moved !== undefined;
    });
    expect(only(rig).takeMoved()).toEqual([]);
    only(rig).end(session, "removed");
    expect((await rig.some("session-ended"))[0]).toEqual({
      kind: "session-ended",
      reason: "removed",
      ...told,
    });
  });

  test("a session that is ended is told so once, and its client's next datagram arrives anew", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), backend);
    const client = await openUdpClient(rig);
    await client.ask("a");
    const [{ session }] = await rig.some("arrived");
    only(rig).end(session, "backend-lost");
    only(rig).end(session, "removed");
    await rig.some("session-ended");

    expect(await client.ask("b")).toBe("b");
    expect(rig.ofKind("arrived")).toHaveLength(2);
    expect(rig.ofKind("session-ended")).toMatchObject([{ session, reason: "backend-lost" }]);
  });

  test("F-UDP-14 a backend that nobody listens at ends the session, and the next datagram arrives anew", async () => {
    const gone = { host: "127.0.0.1", port: await freePort() };
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), gone, {
      onEvent: (event, relay, rig) => {
        if (event.kind !== "arrived") return;
        const isFirst = rig.ofKind("arrived").length === 1;
        relay.forward(event.session, isFirst ? gone : backend, rig.terms);
      },
    });
    const client = await openUdpClient(rig);
    await client.send("lost");

    expect((await rig.some("session-ended"))[0]).toMatchObject({ reason: "backend-refused" });
    expect(await client.ask("answered")).toBe("answered");
    expect(rig.ofKind("arrived")).toHaveLength(2);
  });

  test("a name that does not resolve fails, and another backend may have the session", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), backend, {
      onEvent: (event, relay, { terms }) => {
        const nowhere = { host: "nowhere.invalid", port: 9 };
        if (event.kind === "arrived") relay.forward(event.session, nowhere, terms);
        if (event.kind === "session-failed") relay.forward(event.session, backend, terms);
      },
    });
    const client = await openUdpClient(rig);

    expect(await client.ask("held meanwhile", 20_000)).toBe("held meanwhile");
    expect(rig.ofKind("session-failed")).toHaveLength(1);
    expect(rig.ofKind("session-ended")).toEqual([]);
  });

  test("a name that resolves is a backend like any other", async () => {
    const { port } = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, { host: "localhost", port });
    const client = await openUdpClient(rig);

    expect(await client.ask("by name")).toBe("by name");
  });

  test("X-UDP-20 a backend is sent to from the local address of the terms", async () => {
    const backend = await startUdpBackend(echo);
    const terms = { localAddress: "127.0.0.9" };
    const rig = await startDatagrams(subject, backend, { terms });

    expect(await (await openUdpClient(rig)).ask("x")).toBe("x");
    expect(backend.senders[0]).toMatch(/^127\.0\.0\.9:/);
  });

  test("a local address that this host has not fails the session by its code", async () => {
    const backend = await startUdpBackend(echo);
    const terms = { localAddress: "192.0.2.1" };
    const rig = await startDatagrams(subject, backend, { terms });
    await (await openUdpClient(rig)).send("x");

    expect((await rig.some("session-failed"))[0].code).toBe("EADDRNOTAVAIL");
  });

  test("F-UDP-15 a backend whose path takes nothing holds up nobody else", async () => {
    // Full at once: nobody reads there, and the kernel drops what it cannot keep.
    const silent = await startUdpBackend(() => undefined);
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, silent, {
      onEvent: (event, relay, { terms }) => {
        if (event.kind !== "arrived") return;
        relay.forward(event.session, event.bytes > 1_000 ? silent : backend, terms);
      },
    });
    const flooding = await openUdpClient(rig);
    const asking = await openUdpClient(rig);
    const large = Buffer.alloc(60_000);
    for (let round = 0; round < 50; round += 1) {
      for (let count = 0; count < 20; count += 1) void flooding.send(large);
      // What is asked may be lost in the flooded listener's buffer, as on any host.
      await eventually(async () =>
        asking.ask(`${round}`, 500).then(
          () => true,
          () => false,
        ),
      );
    }
    expect(new Set(asking.texts())).toContain("49");
  });

  test("a client's datagrams all come to one engine, however many share the address", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, backend);
    const clients = await Promise.all(Array.from({ length: 20 }, () => openUdpClient(rig)));
    for (const text of ["a", "b", "c"]) {
      for (const client of clients) expect(await client.ask(text)).toBe(text);
    }
    expect(rig.ofKind("arrived")).toHaveLength(20);
  });

  test("a stop ends all sessions, and tells each", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, backend);
    const clients = await Promise.all(Array.from({ length: 5 }, () => openUdpClient(rig)));
    for (const client of clients) await client.ask("x");
    await Promise.all(rig.engines.map((engine) => engine.stop()));

    const reasons = rig.ofKind("session-ended").map(({ reason }) => reason);
    expect(reasons).toEqual(Array.from({ length: 5 }, () => "stopped"));
    expect(
      await only(rig).bind(2, {
        address: { host: "127.0.0.1", port: 0 },
        reusePort: false,
        terms: { mode: "sessions", transparent: false },
      }),
    ).toMatchObject({ ok: false, code: "ECANCELED" });
  });

  test("what was forwarded to a name and ended before it resolved is told once", async () => {
    const rig = await startDatagrams(
      alone(subject),
      { host: "nowhere.invalid", port: 9 },
      {
        onEvent: (event, relay, held) => {
          if (event.kind !== "arrived") return;
          forwardTo({ host: "nowhere.invalid", port: 9 })(event, relay, held);
          relay.end(event.session, "removed");
        },
      },
    );
    await (await openUdpClient(rig)).send("x");

    expect(await rig.some("session-ended")).toMatchObject([
      { reason: "removed", rxBytes: 0, txBytes: 0, rxDatagrams: 0, txDatagrams: 0 },
    ]);
    expect(rig.ofKind("session-failed")).toEqual([]);
  });
}
