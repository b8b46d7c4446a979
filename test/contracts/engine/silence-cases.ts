import { expect, test } from "vitest";

import { halfClosedSilenceMsMax } from "#shared/base/limits.ts";

import type { ConnectTerms } from "../../../node-agent/engine/engine.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openClient, type TestClient } from "../../support/test-client.ts";
import { startRelay, takeAllMoved, tcp, type EngineSubject, type Relay } from "./relay-rig.ts";

const idleMs = 60_000;

interface Silent {
  readonly clock: FakeClock;
  readonly relay: Relay;
  readonly client: TestClient;
  readonly backend: FakeBackend;
}

/** Silence ends a connection when it was asked to, to the millisecond of its clock. */
export function silenceCases(subject: EngineSubject): void {
  async function connected(terms: Partial<ConnectTerms>, behaviour = silent): Promise<Silent> {
    const clock = new FakeClock();
    const backend = await startBackend(behaviour);
    const relay = await startRelay(subject, tcp(backend), { clock, terms });
    const client = await openClient(relay.port);
    await relay.first("connected");
    await eventually(() => backend.sockets.size === 1);
    return { clock, relay, client, backend };
  }

  /** Waits until the engine has seen so many bytes, so that the clock may move. */
  async function moved(
    { relay }: Silent,
    bytes: { rxBytes?: number; txBytes?: number },
  ): Promise<void> {
    let seen = { rxBytes: 0, txBytes: 0 };
    await eventually(() => {
      const now = takeAllMoved(relay);
      if (now.ids.length > 0) seen = now;
      return seen.rxBytes >= (bytes.rxBytes ?? 0) && seen.txBytes >= (bytes.txBytes ?? 0);
    });
  }

  async function closesAfter(silent: Silent, ms: number, reason: string): Promise<void> {
    silent.clock.advance(ms - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(silent.relay.ofKind("closed")).toHaveLength(0);
    silent.clock.advance(1);
    await silent.client.isOver();
    expect((await silent.relay.closed(1))[0]).toMatchObject({ reason });
  }

  for (const idleMode of ["twoWay", "oneWay"] as const) {
    test(`F-TCP-04 a silent connection is closed at the client's idle timeout (${idleMode})`, async () => {
      const silent = await connected({ clientIdleMs: idleMs, idleMode });
      await closesAfter(silent, idleMs, "client-idle");
    });

    test(`F-TCP-05 a silent connection is closed at the backend's idle timeout (${idleMode})`, async () => {
      const silent = await connected({ backendIdleMs: idleMs, idleMode });
      await closesAfter(silent, idleMs, "backend-idle");
    });

    test(`F-TCP-06 data within the limit keeps it open, and the last byte counts (${idleMode})`, async () => {
      const both = { clientIdleMs: idleMs, backendIdleMs: idleMs, idleMode };
      const busy = await connected(both, echo);
      for (let round = 1; round <= 10; round += 1) {
        busy.clock.advance(idleMs - 1);
        busy.client.send("x");
        await busy.client.receives(round);
      }
      expect(busy.relay.ofKind("closed")).toHaveLength(0);
      await closesAfter(busy, idleMs, "client-idle");
    });
  }

  test("X-TCP-19 a download keeps a silent client's connection open (twoWay)", async () => {
    const download = await connected({ clientIdleMs: idleMs });
    const [socket] = download.backend.sockets;
    for (let round = 1; round <= 5; round += 1) {
      download.clock.advance(idleMs - 1);
      socket?.write("x");
      await download.client.receives(round);
    }
    await closesAfter(download, idleMs, "client-idle");
  });

  test("X-TCP-19 an upload keeps a silent backend's connection open (twoWay)", async () => {
    const upload = await connected({ backendIdleMs: idleMs });
    for (let round = 1; round <= 5; round += 1) {
      upload.clock.advance(idleMs - 1);
      upload.client.send("x");
      await moved(upload, { txBytes: round });
    }
    await closesAfter(upload, idleMs, "backend-idle");
  });

  test("X-TCP-19 in oneWay mode a download does not keep a silent client's connection open", async () => {
    const download = await connected({ clientIdleMs: idleMs, idleMode: "oneWay" });
    const [socket] = download.backend.sockets;
    download.clock.advance(idleMs - 1);
    socket?.write("x");
    await download.client.receives(1);
    await closesAfter(download, 1, "client-idle");
  });

  test("in oneWay mode a client that has ended its stream is not cut while the reply flows", async () => {
    const download = await connected({ clientIdleMs: idleMs, idleMode: "oneWay" }, (socket) => {
      socket.resume();
    });
    const [socket] = download.backend.sockets;
    const ended = new Promise((resolve) => socket?.once("end", resolve));
    download.client.finish();
    await ended;
    for (let round = 1; round <= 3; round += 1) {
      download.clock.advance(idleMs - 1);
      socket?.write("x");
      await download.client.receives(round);
    }
    await closesAfter(download, idleMs, "client-idle");
  });

  test("the shorter of two limits counts", async () => {
    const silent = await connected({ clientIdleMs: idleMs, backendIdleMs: idleMs / 2 });
    await closesAfter(silent, idleMs / 2, "backend-idle");
  });

  test("without limits a silent connection stays, and one with a closed end goes after an hour", async () => {
    const silent = await connected({}, (socket) => {
      socket.resume();
    });
    silent.clock.advance(halfClosedSilenceMsMax * 3);
    const [socket] = silent.backend.sockets;
    const ended = new Promise((resolve) => socket?.once("end", resolve));

    silent.client.finish();
    await ended;

    await closesAfter(silent, halfClosedSilenceMsMax, "client-closed");
  });

  test("a client that ends after a long silence still gets its answer", async () => {
    const silent = await connected({}, (socket) => {
      socket.resume();
      socket.on("end", () => socket.end("answer"));
    });
    silent.client.send("question");
    await moved(silent, { txBytes: "question".length });
    silent.clock.advance(halfClosedSilenceMsMax * 2);

    silent.client.finish();

    await silent.client.isOver();
    expect(silent.client.text()).toBe("answer");
    expect((await silent.relay.closed(1))[0]).toMatchObject({ reason: "client-closed" });
  });

  test("a side's end is heard from it: the silence counts from then", async () => {
    const silent = await connected({ clientIdleMs: idleMs, backendIdleMs: idleMs }, (socket) => {
      socket.resume();
    });
    const [socket] = silent.backend.sockets;
    const ended = new Promise((resolve) => socket?.once("end", resolve));
    silent.clock.advance(idleMs - 1);

    silent.client.finish();
    await ended;

    await closesAfter(silent, idleMs, "client-idle");
  });
}
