import { once } from "node:events";

import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend, stuck } from "../../support/fake-backend.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { Digesting, sendRandom } from "../../support/random-bytes.ts";
import { scaled } from "../../support/scale.ts";
import { openClient } from "../../support/test-client.ts";
import { openTlsClient } from "../../support/tls-client.ts";
import { closeAll, fill, type EngineSubject } from "./relay-rig.ts";
import { startSecureBackend } from "./secure-backend.ts";
import {
  backendTerms,
  clientTerms,
  clientTls,
  identityFor,
  setAll,
  startTlsRelay,
  testAuthority,
} from "./tls-rig.ts";

const mib = 1024 * 1024;

/** Bytes inside of TLS: whole, both ways, whoever is slow or ends first. */
export function tlsRelayCases(subject: EngineSubject): void {
  test("20 MB each way at the same time arrive intact, TLS on both sides, both ends half-closed", async () => {
    const size = 20 * mib;
    const arrived = Promise.withResolvers<Digesting>();
    const sentDown = Promise.withResolvers<Awaited<ReturnType<typeof sendRandom>>>();
    const authority = await testAuthority();
    const backend = await startSecureBackend(await authority.issue({ names: ["127.0.0.1"] }), {
      allowHalfOpen: true,
      behaviour: (socket) => {
        const up = new Digesting(socket);
        socket.on("end", () => arrived.resolve(up));
        void sendRandom(socket, size, { end: true }).then(sentDown.resolve);
      },
    });
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      backend: backendTerms({ authoritiesPem: authority.cert }),
    });

    const { tls } = await openTlsClient(relay.port);
    const down = new Digesting(tls);
    const ended = once(tls, "end");
    const sentUp = await sendRandom(tls, size, { end: true });
    await ended;

    const up = await arrived.promise;
    expect([up.bytes, up.digest()]).toEqual([sentUp.bytes, sentUp.digest]);
    expect([down.bytes, down.digest()]).toEqual([size, (await sentDown.promise).digest]);
    expect(await relay.closed(1)).toMatchObject([{ rxBytes: size, txBytes: size }]);
  });

  test("after the client's close_notify a reply of 1 MB arrives completely", async () => {
    const backend = await startBackend((socket) => {
      socket.resume();
      socket.on("end", () => void sendRandom(socket, mib, { end: true }));
    });
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const client = await openTlsClient(relay.port);
    client.send("request");
    client.finish();
    await client.isOver();

    expect(client.receivedBytes).toBe(mib);
    expect(client.ended).toBe(true);
    expect(await relay.closed(1)).toMatchObject([
      { reason: "client-closed", rxBytes: mib, txBytes: 7 },
    ]);
  });

  test("a client that ends before its backend is chosen is relayed all the same", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      onEvent: (event, engine) => {
        if (event.kind !== "secured") return;
        // Long enough for the end to be there before the dial.
        const untilMs = performance.now() + 50;
        while (performance.now() < untilMs);
        void engine;
      },
    });
    const client = await openTlsClient(relay.port, { maxVersion: "TLSv1.2" });
    client.tls.end("short");
    await client.isOver();

    expect(client.text()).toBe("short");
  });

  test("a stream that ends without close_notify has ended", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const client = await openTlsClient(relay.port);
    client.send("hello");
    await eventually(() => client.text() === "hello");
    client.wire.end();

    expect(await relay.closed(1)).toMatchObject([{ reason: "client-closed", txBytes: 5 }]);
  });

  test("a reset on either side is a reset on the other, and is told as whose it was", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    for (const [index, whose] of (["client", "backend"] as const).entries()) {
      const client = await openTlsClient(relay.port);
      client.send("hello");
      await eventually(() => client.text() === "hello");
      if (whose === "client") client.reset();
      else for (const socket of backend.sockets) socket.resetAndDestroy();
      await relay.closed(index + 1);
      if (whose === "backend") await eventually(() => client.errorCode === "ECONNRESET");
      await eventually(() => backend.sockets.size === 0);
    }
    expect(relay.ofKind("closed").map(({ reason }) => reason)).toEqual([
      "client-reset",
      "backend-reset",
    ]);
  });

  test("bytes below TLS that are none of it are a reset by whoever sent them", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const client = await openTlsClient(relay.port);
    client.send("hello");
    await eventually(() => client.text() === "hello");
    client.wire.write(Buffer.alloc(100, "x"));

    expect(await relay.closed(1)).toMatchObject([{ reason: "client-reset", txBytes: 5 }]);
  });

  test("X-TLS-14 replaced terms reach the next handshake, and connections go on with theirs", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["old.test"])] }),
    });
    const shown = (client: Awaited<ReturnType<typeof openTlsClient>>): string | undefined =>
      client.tls.getPeerX509Certificate()?.subjectAltName;
    const old = await openTlsClient(relay.port);
    const waiting = await openClient(relay.port);
    await eventually(() => relay.ofKind("accepted").length === 2);

    setAll(relay, clientTerms({ identities: [await identityFor(["new.test"])] }));
    const renewed = await openTlsClient(relay.port);
    for (const engine of relay.engines) engine.forgetTls(clientTls);
    for (const client of [old, renewed]) {
      client.send("still here");
      await eventually(() => client.text() === "still here");
    }

    expect([shown(old), shown(renewed)]).toEqual(["DNS:old.test", "DNS:new.test"]);
    expect(waiting.closed).toBe(false);
  });

  test("a reader that stands still stops the sender, and what was sent arrives", async () => {
    const backend = await startBackend(stuck);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const client = await openTlsClient(relay.port);
    const sent = await fill(relay, client.tls, "txBytes");
    const [socket] = backend.sockets;
    if (socket === undefined) throw new Error("nobody came");
    const heard = new Digesting(socket);
    socket.resume();
    client.finish();

    await eventually(() => heard.bytes === sent);
    socket.end();
    expect(await relay.closed(1)).toMatchObject([{ txBytes: sent }]);
  });

  test("silence ends a connection as it does one in clear", async () => {
    const clock = new FakeClock();
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      clock,
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      clientIdleMs: 5_000,
    });
    const client = await openTlsClient(relay.port);
    client.send("hello");
    await eventually(() => client.text() === "hello");
    await settled();
    clock.advance(5_000);

    expect(await relay.closed(1)).toMatchObject([{ reason: "client-idle" }]);
    await client.isOver();
  });

  test("flush ends a connection in order, abort resets it", async () => {
    const backend = await startBackend(greet("hello"));
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    for (const how of ["flush", "abort"] as const) {
      const before = relay.ofKind("closed").length;
      const client = await openTlsClient(relay.port);
      await eventually(() => client.text() === "hello");
      closeAll(relay, how);
      await client.isOver();
      client.finish();
      await relay.closed(before + 1);
    }
    expect(relay.ofKind("closed")).toMatchObject([{ reason: "drained" }, { reason: "drained" }]);
  });

  test("1,500 connections, each ended in another way, leave no descriptor behind", async () => {
    const perBatch = 50;
    const batches = scaled(1_500 / perBatch, 2);
    const authority = await testAuthority();
    const backend = await startSecureBackend(await authority.issue({ names: ["127.0.0.1"] }));
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      backend: backendTerms({ verify: false }),
    });
    const before = openSockets();

    for (let batch = 1; batch <= batches; batch += 1) {
      const clients = await Promise.all(
        Array.from({ length: perBatch }, () => openTlsClient(relay.port)),
      );
      for (const [index, client] of clients.entries()) {
        if (index % 3 === 0) client.reset();
        else if (index % 3 === 1) client.finish();
        else client.wire.end();
      }
      await eventually(() => relay.ofKind("closed").length === relay.ofKind("accepted").length);
      for (const client of clients) client.wire.destroy();
      await eventually(() => openSockets() === before);
    }
  }, 120_000);
}
