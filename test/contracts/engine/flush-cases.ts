import { expect, test } from "vitest";

import { flushMsMax } from "#shared/base/limits.ts";

import { eventually } from "../../support/eventually.ts";
import { echo, startBackend, stuck } from "../../support/fake-backend.ts";
import { settled } from "../../support/fake-clock.ts";
import { sendRandom } from "../../support/random-bytes.ts";
import { openClient } from "../../support/test-client.ts";
import { throughout } from "../../support/throughout.ts";
import { closeAll, fill, movesNoMore, startRelay, tcp, type EngineSubject } from "./relay-rig.ts";

const mib = 1024 * 1024;

/** A connection that is closed with flush loses nothing of what the engine had taken. */
export function flushCases(subject: EngineSubject): void {
  test("close with flush sends what is queued, then ends both sides", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.send("so far");
    await client.receives(6);

    closeAll(relay, "flush");

    await client.isOver();
    expect([client.text(), client.errorCode]).toEqual(["so far", undefined]);
    client.finish();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "drained", rxBytes: 6, txBytes: 6 });
  });

  test("close with flush ends also when nobody reads", async () => {
    const backend = await startBackend((socket) => {
      stuck(socket);
      void sendRandom(socket, 512 * mib).catch(() => undefined);
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.socket.pause();
    await eventually(() => relay.ofKind("connected").length === 1);

    closeAll(relay, "flush");

    await relay.closed(1, flushMsMax + 2_000);
  });

  test("what is queued for a slow client goes on being sent though its backend resets", async () => {
    const backend = await startBackend((socket) => {
      socket.resume();
      socket.write(Buffer.alloc(16 * mib));
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.socket.pause();
    client.finish();
    await movesNoMore(relay);

    closeAll(relay, "flush");
    await settled();
    for (const socket of backend.sockets) socket.resetAndDestroy();
    await throughout(() => expect(relay.ofKind("closed")).toEqual([]), { forMs: 150 });
    client.socket.resume();

    await client.isOver();
    expect([client.ended, client.errorCode]).toEqual([true, undefined]);
    const told = { reason: "drained", rxBytes: client.receivedBytes };
    expect((await relay.closed(1))[0]).toMatchObject(told);
  });

  test("what is queued for a slow backend reaches it, and then its end", async () => {
    const backend = await startBackend(stuck);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await eventually(() => backend.sockets.size === 1);
    const sent = await fill(relay, client.socket, "txBytes");

    closeAll(relay, "flush");
    await settled();
    const got = { bytes: 0, hasEnded: false };
    for (const socket of backend.sockets) {
      socket.on("data", (data: Buffer) => (got.bytes += data.length));
      socket.on("end", () => {
        got.hasEnded = true;
        socket.end();
      });
      socket.resume();
    }

    await eventually(() => got.hasEnded);
    expect(got.bytes).toBe(sent);
    client.finish();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "drained", txBytes: sent });
  });

  test("a client that is still sending gets what is queued for it, and then its end", async () => {
    const backend = await startBackend((socket) => {
      stuck(socket);
      socket.write(Buffer.alloc(mib));
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    client.socket.pause();
    client.send(Buffer.alloc(64 * mib));
    await movesNoMore(relay);

    closeAll(relay, "flush");
    await settled();
    client.socket.resume();

    await client.isOver();
    expect([client.ended, client.errorCode]).toEqual([true, undefined]);
    expect(client.receivedBytes).toBe(mib);
  });
}
