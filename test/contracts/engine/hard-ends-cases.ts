import type { Socket } from "node:net";

import { expect, test } from "vitest";

import { halfClosedSilenceMsMax } from "#shared/base/limits.ts";

import { startBlackHole } from "../../support/black-hole.ts";
import { eventually } from "../../support/eventually.ts";
import { startBackend, stuck, type FakeBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openClient } from "../../support/test-client.ts";
import { throughout } from "../../support/throughout.ts";
import {
  fill,
  movesNoMore,
  socketPath,
  startRelay,
  tcp,
  type EngineSubject,
  type Relay,
} from "./relay-rig.ts";

/** Ends that come together with bytes, or while nobody reads, are told apart all the same. */
export function hardEndsCases(subject: EngineSubject): void {
  const alone = { ...subject, engines: 1 };
  /** Whether a side that is not read is heard: the contract leaves it to the driver. */
  const hearsUnread = subject.driver === "native";

  test("a backend that resets right behind its last bytes has not ended in order", async () => {
    const { backend, saw } = await listening();
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.send("hello");
    await eventually(() => saw.text === "hello");

    for (const socket of backend.sockets) {
      socket.write("partial");
      socket.resetAndDestroy();
    }

    await client.isOver();
    expect([client.ended, client.errorCode]).toEqual([false, "ECONNRESET"]);
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "backend-reset" });
  });

  test("a client that resets right behind its last bytes has not ended in order", async () => {
    const { backend, saw } = await listening();
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await relay.first("connected");
    await eventually(() => backend.sockets.size === 1);

    client.send("partial upload");
    client.reset();

    await eventually(() => saw.end !== undefined);
    expect(saw.end).toBe("ECONNRESET");
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-reset" });
  });

  test("a client that resets while its first bytes wait has not ended in order", async () => {
    const { backend, saw } = await listening();
    const relay = await startRelay(subject, tcp(backend), {
      onEvent: (event, engine, { terms }) => {
        if (event.kind === "accepted") {
          engine.peek(event.connection, { moreThan: 0, timeoutMs: 0 });
        }
        if (event.kind === "peeked") engine.connect(event.connection, tcp(backend), terms);
      },
    });
    const client = await openClient(relay.port);
    await relay.first("accepted");

    client.send("hello");
    client.reset();

    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-reset" });
    await eventually(() => backend.sockets.size === 0);
    // A dial that was under way may be all that the backend sees of it.
    expect(saw).not.toEqual({ text: "hello", end: "in order" });
  });

  test("a Unix client that speaks and goes before it is connected is still relayed", async () => {
    const { backend, saw } = await listening();
    const path = await socketPath();
    const relay = await startRelay(alone, tcp(backend), {
      listen: { kind: "unix", path },
      onEvent: (event, engine) => {
        if (event.kind === "accepted") {
          engine.peek(event.connection, { moreThan: 0, timeoutMs: 0 });
        }
      },
    });
    const client = await openClient({ path });
    client.send("log line");
    const { connection } = await relay.first("peeked");
    client.socket.destroy();
    await staysOpen(relay);

    for (const engine of relay.engines) engine.connect(connection, tcp(backend), relay.terms);

    await eventually(() => saw.end !== undefined);
    expect(saw).toEqual({ text: "log line", end: "in order" });
    await relay.closed(1);
  });

  test("a Unix client that speaks and goes during a slow dial is still relayed", async () => {
    const clock = new FakeClock();
    const hole = await startBlackHole();
    const { backend, saw } = await listening();
    const path = await socketPath();
    const relay = await startRelay(alone, tcp(backend), {
      clock,
      listen: { kind: "unix", path },
      onEvent: (event, engine, { terms }) => {
        if (event.kind === "accepted") engine.connect(event.connection, tcp(hole), terms);
        if (event.kind === "failed") engine.connect(event.connection, tcp(backend), terms);
      },
    });
    const client = await openClient({ path });
    await relay.first("accepted");
    client.send("log line");
    await eventually(() => client.socket.writableLength === 0);
    client.socket.destroy();
    await staysOpen(relay);

    clock.advance(relay.terms.connectTimeoutMs);

    await eventually(() => saw.end !== undefined);
    expect(saw).toEqual({ text: "log line", end: "in order" });
    await relay.closed(1);
  });

  test("a backend that ends, then resets, has said everything: a slow client gets it all", async () => {
    const { relay, backend, client, size } = await saidAll();

    client.send("more");
    await eventually(() => backend.sockets.size === 0);
    client.socket.resume();

    await client.isOver();
    expect([client.receivedBytes, client.errorCode]).toEqual([size, undefined]);
    client.finish();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "backend-closed", rxBytes: size });
  });

  // Not a skip: the contract asks this of nobody, and of the native driver we do.
  if (hearsUnread) {
    test("and so does one that goes on sending after the reset", async () => {
      const { relay, backend, client, size } = await saidAll();

      client.send("more");
      await eventually(() => backend.sockets.size === 0);
      client.send("and more");
      await staysOpen(relay);
      client.socket.resume();

      await client.isOver();
      expect([client.receivedBytes, client.errorCode]).toEqual([size, undefined]);
    });

    test("a client's reset is noticed though its backend takes nothing", async () => {
      const relay = await startRelay(subject, tcp(await startBackend(stuck)));
      const client = await openClient(relay.port);
      client.send(Buffer.alloc(64 * 1024 * 1024));
      await movesNoMore(relay);

      client.reset();

      expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-reset" });
    });

    test("a client's reset behind its end is noticed though its backend says nothing", async () => {
      const { backend, saw } = await listening((socket) => socket.resume());
      const relay = await startRelay(subject, tcp(backend));
      const client = await openClient(relay.port);
      client.send("hello");
      client.finish();
      await eventually(() => saw.end === "in order");
      await staysOpen(relay);

      client.reset();

      expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-closed" });
    });

    test("an end behind bytes that the backend does not take is given an hour", async () => {
      const clock = new FakeClock();
      const relay = await startRelay(subject, tcp(await startBackend(stuck)), { clock });
      const client = await openClient(relay.port);
      await fill(relay, client.socket, "txBytes");
      clock.advance(halfClosedSilenceMsMax * 2);

      client.finish();
      await eventually(() => client.socket.writableFinished);
      await staysOpen(relay);
      clock.advance(halfClosedSilenceMsMax - 1);
      await staysOpen(relay);
      clock.advance(1);

      expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-closed" });
    });
  }

  /** A backend that has ended its stream, and resets on "more"; its client has not read yet. */
  async function saidAll() {
    const backend = await startBackend((socket) => {
      socket.on("data", (data: Buffer) => {
        if (data.toString().endsWith("more")) socket.resetAndDestroy();
      });
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.socket.pause();
    await eventually(() => backend.sockets.size === 1);
    const [socket] = backend.sockets;
    if (socket === undefined) throw new Error("the backend has no connection");
    // Until something waits in the engine for the client, and no more than it holds.
    const size = await fill(relay, socket, "rxBytes");
    socket.end();
    await eventually(() => socket.writableFinished);
    return { relay, backend, client, size };
  }
}

interface Listening {
  readonly backend: FakeBackend;
  /** `end` is "in order", or the code of the error that the stream broke with. */
  readonly saw: { readonly text: string; readonly end: string | undefined };
}

/** A backend for one connection, which it ends when the client does, unless told otherwise. */
async function listening(
  onEnd: (socket: Socket) => void = (socket) => socket.end(),
): Promise<Listening> {
  const saw: { text: string; end: string | undefined } = { text: "", end: undefined };
  const backend = await startBackend((socket) => {
    socket.on("data", (data: Buffer) => (saw.text += data.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => (saw.end = error.code));
    socket.on("end", () => {
      saw.end = "in order";
      onEnd(socket);
    });
  });
  return { backend, saw };
}

async function staysOpen(relay: Relay): Promise<void> {
  await throughout(() => expect(relay.ofKind("closed")).toEqual([]), { forMs: 100 });
}
