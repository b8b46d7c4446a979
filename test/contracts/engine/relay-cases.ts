import { once } from "node:events";

import { expect, test } from "vitest";

import { relayBufferBytes } from "#shared/base/limits.ts";

import { collectGarbage } from "../../support/collect-garbage.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, silent, startBackend, stuck } from "../../support/fake-backend.ts";
import { Digesting, sendRandom } from "../../support/random-bytes.ts";
import { systemBufferBytesMax } from "../../support/system-buffers.ts";
import { openClient } from "../../support/test-client.ts";
import { throughout } from "../../support/throughout.ts";
import { startRelay, takeAllMoved, tcp, type EngineSubject } from "./relay-rig.ts";

const mib = 1024 * 1024;

/** Bytes arrive, whole and both ways, whoever is slow or ends first. */
export function relayCases(subject: EngineSubject): void {
  test("F-TCP-01 200 MB of random data each way, at the same time, arrive intact, both ends half-closed", async () => {
    const size = 200 * mib;
    const arrived = Promise.withResolvers<Digesting>();
    const sentDown = Promise.withResolvers<Awaited<ReturnType<typeof sendRandom>>>();
    const backend = await startBackend((socket) => {
      const up = new Digesting(socket);
      socket.on("end", () => arrived.resolve(up));
      void sendRandom(socket, size, { end: true }).then(sentDown.resolve);
    });
    const relay = await startRelay(subject, tcp(backend));

    const { socket } = await openClient(relay.port);
    const down = new Digesting(socket);
    const ended = once(socket, "end");
    const sentUp = await sendRandom(socket, size, { end: true });
    await ended;

    const up = await arrived.promise;
    expect([up.bytes, up.digest()]).toEqual([sentUp.bytes, sentUp.digest]);
    expect([down.bytes, down.digest()]).toEqual([size, (await sentDown.promise).digest]);
    const [closed] = await relay.closed(1);
    expect(closed).toMatchObject({ rxBytes: size, txBytes: size });
  });

  test("a backend that speaks first is heard before the client says anything", async () => {
    const backend = await startBackend((socket) => socket.write("220 ready\r\n"));
    const relay = await startRelay(subject, tcp(backend));

    const client = await openClient(relay.port);

    await eventually(() => client.text() === "220 ready\r\n");
  });

  test("X-TCP-18 after the client's FIN a reply of 1 MB arrives completely", async () => {
    const backend = await startBackend((socket) => {
      const request = new Digesting(socket);
      socket.on("end", () => {
        expect(request.bytes).toBe(7);
        void sendRandom(socket, mib, { end: true });
      });
    });
    const relay = await startRelay(subject, tcp(backend));

    const client = await openClient(relay.port);
    client.send("request");
    client.finish();
    await client.isOver();

    expect(client.receivedBytes).toBe(mib);
    const [closed] = await relay.closed(1);
    expect(closed).toMatchObject({ reason: "client-closed", rxBytes: mib, txBytes: 7 });
  });

  test("X-TCP-18 after the backend's FIN 1 MB of the client arrives completely", async () => {
    const arrived = Promise.withResolvers<number>();
    const backend = await startBackend((socket) => {
      const up = new Digesting(socket);
      socket.on("end", () => arrived.resolve(up.bytes));
      socket.end("bye");
    });
    const relay = await startRelay(subject, tcp(backend));

    const client = await openClient(relay.port);
    await client.isOver();
    expect(client.text()).toBe("bye");
    await sendRandom(client.socket, mib, { end: true });

    expect(await arrived.promise).toBe(mib);
    const [closed] = await relay.closed(1);
    expect(closed).toMatchObject({ reason: "backend-closed", rxBytes: 3, txBytes: mib });
  });

  test("F-TCP-10 when the backend closes, the client sees it promptly", async () => {
    const backend = await startBackend((socket) => {
      socket.once("data", () => socket.end());
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await relay.first("connected");

    client.send("x");

    await client.isOver(5_000);
    expect(client.errorCode).toBeUndefined();
    client.finish();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "backend-closed" });
  });

  test("F-TCP-10 when the client closes, the backend sees it promptly", async () => {
    const ended = Promise.withResolvers<undefined>();
    const backend = await startBackend((socket) => {
      socket.resume();
      socket.on("end", () => {
        ended.resolve(undefined);
        socket.end();
      });
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await relay.first("connected");

    client.finish();

    await ended.promise;
    expect((await relay.closed(1, 1_000))[0]).toMatchObject({ reason: "client-closed" });
  });

  test("X-TCP-26 readers that stand still stop the sender, and memory stays within the buffers", async () => {
    const readers = 20;
    const offer = Buffer.alloc(256 * 1024, "x");
    const taken = new Map<object, number>();
    const backend = await startBackend((socket) => {
      socket.resume();
      const push = (): void => {
        while (socket.write(offer));
        taken.set(socket, socket.bytesWritten);
      };
      socket.on("drain", push);
      push();
    });
    const relay = await startRelay(subject, tcp(backend));
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < readers; index += 1) {
      const client = await openClient(relay.port);
      client.socket.pause();
    }
    await eventually(() => relay.ofKind("connected").length === readers);

    const bytes = (): number => Array.from(taken.values()).reduce((sum, one) => sum + one, 0);
    let last = -1;
    await eventually(() => last === (last = bytes()), { everyMs: 300 });

    // What the system may hold for two hops, and what the two ends of them queue themselves.
    expect(bytes() / readers).toBeLessThan(2 * systemBufferBytesMax() + 4 * mib);
    // A queue with the read that filled it, one read behind it, and as much for the measurement; the
    // backend's own offer is shared. Without a bound it would be what the backend can send. Buffers
    // are given back some time after the collection that found them.
    const perReader = (): number => (process.memoryUsage().arrayBuffers - before) / readers;
    await eventually(() => {
      collectGarbage();
      expect(perReader()).toBeLessThan(relayBufferBytes * 4);
    });
  });

  test("40 stuck readers do not slow down a live request beside them", async () => {
    const backend = await startBackend((socket) => {
      socket.once("data", (request: Buffer) => {
        if (request.toString() === "live") socket.end("answer");
        else void sendRandom(socket, 64 * mib).catch(() => undefined);
      });
    });
    const relay = await startRelay(subject, tcp(backend));
    for (let index = 0; index < 40; index += 1) {
      const client = await openClient(relay.port);
      client.socket.pause();
      client.send("bulk");
    }
    await eventually(() => relay.ofKind("connected").length === 40);

    const live = await openClient(relay.port);
    live.send("live");

    await live.isOver();
    expect(live.text()).toBe("answer");
  });

  test("a slow reader gets everything in the end", async () => {
    const size = 32 * mib;
    const sent = Promise.withResolvers<Awaited<ReturnType<typeof sendRandom>>>();
    const backend = await startBackend((socket) => {
      socket.resume();
      void sendRandom(socket, size, { end: true }).then(sent.resolve);
    });
    const relay = await startRelay(subject, tcp(backend));
    const { socket } = await openClient(relay.port);
    const got = new Digesting(socket);
    socket.pause();
    await eventually(() => takeAllMoved(relay).rxBytes > 0);

    socket.resume();
    await once(socket, "end");

    expect([got.bytes, got.digest()]).toEqual([size, (await sent.promise).digest]);
  });

  test("a backend that does not read stops the client, and is no harm to others", async () => {
    const deaf = await startBackend(stuck);
    const relay = await startRelay(subject, tcp(deaf));
    const client = await openClient(relay.port);
    let isDone = false;
    void sendRandom(client.socket, 256 * mib).then(
      () => (isDone = true),
      () => undefined,
    );
    await eventually(() => takeAllMoved(relay).txBytes > 0);

    await throughout(() => expect(isDone).toBe(false), { forMs: 500 });
  });

  test("a prefix reaches the backend first and is not counted as the client's", async () => {
    const got = Promise.withResolvers<string>();
    const backend = await startBackend((socket) => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("end", () => {
        got.resolve(Buffer.concat(chunks).toString());
        socket.end();
      });
    });
    const terms = { prefix: new TextEncoder().encode("PROXY TCP4\r\n") };
    const relay = await startRelay(subject, tcp(backend), { terms });

    const client = await openClient(relay.port);
    client.send("hello");
    client.finish();

    expect(await got.promise).toBe("PROXY TCP4\r\nhello");
    expect((await relay.closed(1))[0]).toMatchObject({ txBytes: 5, rxBytes: 0 });
  });

  test("bytes can be read while the connection lives, and are exact once it has closed", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.send(Buffer.alloc(1_000));
    await client.receives(1_000);

    expect(takeAllMoved(relay)).toMatchObject({ rxBytes: 1_000, txBytes: 1_000 });
    expect(takeAllMoved(relay).ids).toEqual([]);
    client.send(Buffer.alloc(500));
    await client.receives(1_500);
    expect(takeAllMoved(relay)).toMatchObject({ rxBytes: 1_500, txBytes: 1_500 });

    client.finish();
    expect((await relay.closed(1))[0]).toMatchObject({ rxBytes: 1_500, txBytes: 1_500 });
    expect(takeAllMoved(relay).ids).toEqual([]);
  });

  test("a client that greets nobody gets the backend's greeting and end", async () => {
    const backend = await startBackend(greet("only words"));
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);

    await client.isOver();

    expect(client.text()).toBe("only words");
    client.finish();
    await relay.closed(1);
  });

  test("a silent connection stays open while no idle limit is set", async () => {
    const backend = await startBackend(silent);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await relay.first("connected");

    await throughout(() => expect(client.ended || client.closed).toBe(false), { forMs: 300 });
  });
}
