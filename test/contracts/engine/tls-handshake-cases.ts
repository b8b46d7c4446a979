import { expect, test } from "vitest";

import type { Engine, EngineEvent } from "../../../node-agent/engine/engine.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, startBackend } from "../../support/fake-backend.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { scaled } from "../../support/scale.ts";
import { openClient } from "../../support/test-client.ts";
import { clientHello, openTlsClient } from "../../support/tls-client.ts";
import { startRelay, tcp, type EngineSubject } from "./relay-rig.ts";
import { clientTerms, clientTls, identityFor, mustSet, startTlsRelay } from "./tls-rig.ts";

/** Handshakes with clients that are odd, slow or hostile. */
export function tlsHandshakeCases(subject: EngineSubject): void {
  test("X-TLS-12 a silent client is closed at the timeout, exactly, and no backend was dialled", async () => {
    const clock = new FakeClock();
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      clock,
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      secure: { timeoutMs: 5_000 },
    });
    const client = await openClient(relay.port);
    await relay.first("accepted");
    await settled();
    clock.advance(4_999);
    await settled();
    expect(client.closed || client.ended).toBe(false);
    clock.advance(1);

    await client.isOver();
    expect(await relay.closed(1)).toMatchObject([{ reason: "handshake-timeout" }]);
    expect(backend.accepted).toBe(0);
  });

  test("X-TLS-12 a client that stops in the middle of its hello is closed at the timeout", async () => {
    const clock = new FakeClock();
    const relay = await startTlsRelay(subject, {
      clock,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      secure: { timeoutMs: 5_000 },
    });
    const client = await openClient(relay.port);
    client.send(Buffer.from("16030100f0010000ec0303", "hex"));
    await relay.first("accepted");
    await settled();
    clock.advance(5_000);

    await client.isOver();
    expect(await relay.closed(1)).toMatchObject([{ reason: "handshake-timeout" }]);
  });

  test.for([
    ["text", Buffer.from("GET / HTTP/1.0\r\n\r\n"), "not-tls"],
    ["letters", Buffer.alloc(200, "A"), "not-tls"],
    ["zeroes", Buffer.alloc(200), "not-tls"],
    ["a record that is no hello", Buffer.from("1603010005aabbccddee", "hex"), "protocol"],
    ["data before the handshake", Buffer.from("1703030005aabbccddee", "hex"), "protocol"],
  ] as const)(
    "a client that begins with %s is closed and counted as such",
    async ([, bytes, tlsFailure]) => {
      const backend = await startBackend(echo);
      const relay = await startTlsRelay(subject, {
        target: backend,
        client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      });
      const client = await openClient(relay.port);
      client.send(bytes);

      await client.isOver();
      expect(await relay.closed(1)).toMatchObject([{ reason: "handshake-failed", tlsFailure }]);
      expect(backend.accepted).toBe(0);
    },
  );

  test.for(["ends", "resets"] as const)(
    "a client that %s within its handshake has failed in it",
    async (how) => {
      const relay = await startTlsRelay(subject, {
        client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      });
      for (const sent of ["", "16030100f0010000ec0303"]) {
        const before = relay.ofKind("closed").length;
        const client = await openClient(relay.port);
        client.send(Buffer.from(sent, "hex"));
        await eventually(() => relay.ofKind("accepted").length === before + 1);
        if (how === "ends") client.finish();
        else client.reset();
        await relay.closed(before + 1);
      }
      expect(relay.ofKind("closed")).toMatchObject([
        { reason: "handshake-failed", tlsFailure: "ended" },
        { reason: "handshake-failed", tlsFailure: "ended" },
      ]);
    },
  );

  test("a client that does not trust us has failed by its alert", async () => {
    const relay = await startTlsRelay(subject, {
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });

    const client = await openClient(relay.port);
    client.send(await clientHello({ maxVersion: "TLSv1.2" }));
    await eventually(() => client.receivedBytes > 0);
    // What a client says that does not know whoever has signed: fatal, "unknown CA".
    client.send(Buffer.from("15030300020230", "hex"));

    await client.isOver();
    expect(await relay.closed(1)).toMatchObject([
      { reason: "handshake-failed", tlsFailure: "alert" },
    ]);
  });

  test("what was peeked is part of the handshake, but for what is discarded of it", async () => {
    const backend = await startBackend(echo);
    const header = "PROXY of sorts\r\n";
    const peeking = (event: EngineEvent, engine: Engine): void => {
      if (event.kind === "accepted") {
        engine.peek(event.connection, { moreThan: 100, timeoutMs: 10_000 });
      } else if (event.kind === "peeked") {
        const text = Buffer.from(event.bytes).toString("latin1");
        if (text.startsWith(header)) engine.discard(event.connection, header.length);
        engine.secure(event.connection, clientTls, { timeoutMs: 10_000 });
      } else if (event.kind === "secured") {
        engine.connect(event.connection, tcp(backend), relay.terms);
      }
    };
    const relay = await startRelay(subject, tcp(backend), { onEvent: peeking });
    const identities = [await identityFor(["a.test"])];
    for (const engine of relay.engines) {
      mustSet(engine.setClientTls(clientTls, clientTerms({ identities })));
    }

    for (const before of ["", header]) {
      const client = await openTlsClient(relay.port, {}, { before });
      client.send("hello");
      client.finish();
      await client.isOver();
      expect(client.text()).toBe("hello");
    }
    expect(await relay.closed(2)).toMatchObject([{ txBytes: 5 }, { txBytes: 5 }]);
  });

  test("a hello that comes byte by byte is a hello", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const client = await openTlsClient(relay.port, { servername: "a.test" }, { bytewise: true });
    client.send("hello");
    client.finish();
    await client.isOver();

    expect(client.text()).toBe("hello");
  });

  test("with terms that are unknown a client is closed", async () => {
    const relay = await startRelay(subject, tcp({ host: "127.0.0.1", port: 9 }), {
      onEvent: (event, engine) => {
        if (event.kind === "accepted") engine.secure(event.connection, 77, { timeoutMs: 1_000 });
      },
    });
    const client = await openClient(relay.port);

    await client.isOver();
    expect(await relay.closed(1)).toMatchObject([{ reason: "handshake-failed" }]);
  });

  test("a client can be closed within its handshake, and after it without a backend", async () => {
    const relay = await startTlsRelay(subject, {
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const silent = await openClient(relay.port);
    const { connection } = await relay.first("accepted");
    for (const engine of relay.engines) engine.close(connection, "flush", "drained");
    await silent.isOver();
    silent.finish();

    const spoken = await openTlsClient(relay.port);
    const secured = await relay.first("secured");
    const [owner] = relay.engines.length === 1 ? relay.engines : [undefined];
    for (const engine of owner === undefined ? relay.engines : [owner]) {
      engine.close(secured.connection, "flush", "no-backend");
    }
    await spoken.isOver();
    spoken.finish();

    expect(spoken.ended).toBe(true);
    expect((await relay.closed(2)).map(({ reason }) => reason)).toEqual(["drained", "no-backend"]);
  });

  test("a flood of handshakes leaves an established connection its turn, and no descriptor", async () => {
    const backend = await startBackend(echo);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
    });
    const steady = await openTlsClient(relay.port);
    steady.send("ping");
    await eventually(() => steady.text() === "ping");
    const before = openSockets();
    const rounds = scaled(10, 2);

    let answered = 4;
    for (let round = 0; round < rounds; round += 1) {
      const flood = Array.from({ length: 50 }, async () => {
        const client = await openTlsClient(relay.port);
        client.send("ping");
        await client.receives(4);
        client.wire.destroy();
      });
      steady.send("ping");
      answered += 4;
      await steady.receives(answered);
      await Promise.all(flood);
    }
    await eventually(() => openSockets() === before);
    expect(relay.ofKind("secured").length).toBeGreaterThan(rounds * 40);
  });
}
