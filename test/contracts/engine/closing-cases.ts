import { once } from "node:events";

import { expect, test } from "vitest";

import { startBlackHole } from "../../support/black-hole.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { sendRandom } from "../../support/random-bytes.ts";
import { openClient } from "../../support/test-client.ts";
import { closeAll, startRelay, tcp, type EngineSubject, type Relay } from "./relay-rig.ts";

const mib = 1024 * 1024;

/** Every connection ends exactly once, with the true reason, and leaves nothing. */
export function closingCases(subject: EngineSubject): void {
  test("a client that resets while it waits for its backend ends in order", async () => {
    const hole = await startBlackHole();
    const relay = await startRelay(subject, tcp(hole), { terms: { connectTimeoutMs: 200 } });
    const client = await openClient(relay.port);
    await relay.first("accepted");

    client.reset();

    await relay.closed(1);
    expect(relay.ofKind("closed")).toHaveLength(1);
  });

  test("clients that reset right after connecting end once each, and nothing is left", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const before = openSockets();

    const clients = await Promise.all(Array.from({ length: 50 }, () => openClient(relay.port)));
    for (const client of clients) client.reset();
    await eventually(() => relay.ofKind("closed").length === relay.ofKind("accepted").length);

    await eventually(() => openSockets() === before);
    expect(relay.ofKind("closed").length).toBe(relay.ofKind("accepted").length);
  });

  test("an idle client's reset reaches the backend as a reset", async () => {
    const backend = await startBackend(silent);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await eventually(() => backend.sockets.size === 1);
    const errorCode = nextErrorCode(backend);

    client.reset();

    expect(await errorCode).toBe("ECONNRESET");
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-reset" });
  });

  test("an idle backend's reset reaches the client as a reset", async () => {
    const backend = await startBackend(silent);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await eventually(() => backend.sockets.size === 1);

    resetAll(backend);

    await eventually(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "backend-reset" });
  });

  test("a client that resets in the middle of its upload ends once", async () => {
    const backend = await startBackend(silent);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    void sendRandom(client.socket, 512 * mib).catch(() => undefined);
    await eventually(() => [...backend.sockets].some((socket) => socket.bytesRead > mib));

    client.reset();

    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-reset" });
    await eventually(() => backend.sockets.size === 0);
  });

  test("a client that resets in the middle of its download ends once", async () => {
    const backend = await startBackend((socket) => {
      socket.resume();
      void sendRandom(socket, 512 * mib).catch(() => undefined);
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await client.receives(mib);

    client.reset();

    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-reset" });
    await eventually(() => backend.sockets.size === 0);
  });

  test("a backend that resets in the middle of a transfer resets the client", async () => {
    const backend = await startBackend((socket) => {
      socket.resume();
      void sendRandom(socket, 512 * mib).catch(() => undefined);
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await client.receives(mib);

    resetAll(backend);

    await eventually(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "backend-reset" });
  });

  test("a client that ends, then resets under the reply, counts as having closed", async () => {
    const backend = await startBackend((socket) => {
      socket.resume();
      socket.on("end", () => void sendRandom(socket, 512 * mib).catch(() => undefined));
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.finish();
    await client.receives(mib);

    client.reset();

    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-closed" });
    await eventually(() => backend.sockets.size === 0);
  });

  test("a backend that resets after the client's FIN is a reset", async () => {
    const backend = await startBackend((socket) => {
      socket.resume();
      socket.on("end", () => socket.resetAndDestroy());
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await relay.first("connected");

    client.finish();

    await eventually(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "backend-reset" });
  });

  test("close with abort resets both sides", async () => {
    const backend = await startBackend(silent);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await eventually(() => backend.sockets.size === 1);
    const errorCode = nextErrorCode(backend);

    closeAll(relay, "abort");

    await eventually(() => client.closed);
    expect([client.errorCode, await errorCode]).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "drained" });
  });

  test("a client that is closed instead of connected sees its stream end", async () => {
    const relay = await startRelay(
      subject,
      { kind: "tcp", host: "127.0.0.1", port: 1 },
      {
        onEvent: (event, engine) => {
          if (event.kind === "accepted") engine.close(event.connection, "flush", "limit-reached");
        },
      },
    );

    const client = await openClient(relay.port);

    await client.isOver();
    expect(client.text()).toBe("");
    expect((await relay.closed(1))[0]).toMatchObject({
      reason: "limit-reached",
      rxBytes: 0,
      txBytes: 0,
    });
  });

  test("commands for a connection that is gone, or never was, are ignored", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.finish();
    const [closed] = await relay.closed(1);

    for (const engine of relay.engines) {
      engine.connect(closed?.connection ?? 0, tcp(backend), relay.terms);
      engine.close(closed?.connection ?? 0, "abort", "removed");
      engine.connect(999_999, tcp(backend), relay.terms);
      engine.close(999_999, "flush", "removed");
    }

    expect(await echoed(relay, "still alive")).toBe("still alive");
    await relay.closed(2);
    expect(relay.ofKind("closed").map((event) => event.reason)).not.toContain("removed");
  });

  test("stop in the moment when both sides are ending waits for nobody", async () => {
    const backend = await startBackend(silent);
    const before = openSockets();
    const relay = await startRelay(subject, tcp(backend));
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(relay.port)));
    await eventually(() => backend.sockets.size === 20);

    for (const client of clients) client.finish();
    for (const socket of backend.sockets) socket.end();
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(relay.engines.map((engine) => engine.stop()));

    expect(relay.ofKind("closed")).toHaveLength(20);
    for (const client of clients) client.socket.destroy();
    await eventually(() => backend.sockets.size === 0);
    await eventually(() => openSockets() === before);
  });

  test("stop tells every connection closed, frees the address and leaves no descriptor", async () => {
    const backend = await startBackend(silent);
    const before = openSockets();
    const relay = await startRelay(subject, tcp(backend));
    const clients = await Promise.all(Array.from({ length: 30 }, () => openClient(relay.port)));
    await eventually(() => relay.ofKind("connected").length === 30);

    await Promise.all(relay.engines.map((engine) => engine.stop()));

    expect(relay.ofKind("closed").map((event) => event.reason)).toEqual(Array(30).fill("stopped"));
    await eventually(() => clients.every((client) => client.closed));
    await eventually(() => backend.sockets.size === 0);
    expect(openSockets()).toBe(before);
    const late = await openClient(relay.port);
    expect(late.errorCode).toBe("ECONNREFUSED");
  });
}

function resetAll(backend: FakeBackend): void {
  for (const socket of backend.sockets) socket.resetAndDestroy();
}

async function nextErrorCode(backend: FakeBackend): Promise<unknown> {
  const [socket] = backend.sockets;
  if (socket === undefined) throw new Error("the backend has no connection");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  return error.code;
}

async function echoed(relay: Relay, text: string): Promise<string> {
  const client = await openClient(relay.port);
  client.send(text);
  client.finish();
  await client.isOver();
  return client.text();
}
