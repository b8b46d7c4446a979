import { expect, test } from "vitest";

import { startBlackHole } from "../../support/black-hole.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { startRelay, tcp, type EngineSubject } from "./relay-rig.ts";

/** How long Linux waits for something to send along with an acknowledgement (`TCP_DELACK_MAX`). */
const lateAcknowledgementMs = 200;

/** Dials end, one way or the other, and a failed one harms nobody. */
export function dialCases(subject: EngineSubject): void {
  test("F-TCP-07 a black-holed backend fails exactly at the connect timeout", async () => {
    const hole = await startBlackHole();
    const clock = new FakeClock();
    const relay = await startRelay(subject, tcp(hole), {
      clock,
      terms: { connectTimeoutMs: 5_000 },
    });
    const client = await openClient(relay.port);
    await relay.first("accepted");

    clock.advance(4_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(relay.ofKind("failed")).toHaveLength(0);
    clock.advance(1);

    expect(await relay.first("failed")).toMatchObject({ code: "ETIMEDOUT", mayRetry: true });
    await client.isOver();
  });

  test("a connect timeout far below 100 ms is exact as well", async () => {
    const hole = await startBlackHole();
    const clock = new FakeClock();
    const relay = await startRelay(subject, tcp(hole), { clock, terms: { connectTimeoutMs: 40 } });
    const client = await openClient(relay.port);
    await relay.first("accepted");

    clock.advance(39);
    await settled();
    expect(relay.ofKind("failed")).toHaveLength(0);
    clock.advance(1);

    expect(await relay.first("failed")).toMatchObject({ code: "ETIMEDOUT" });
    await client.isOver();
  });

  test("the prefix of a failed dial is not sent by the next one", async () => {
    const backend = await startBackend(echo);
    const refusing = { kind: "tcp", host: "127.0.0.1", port: await freePort() } as const;
    const relay = await startRelay(subject, tcp(backend), {
      onEvent: (event, engine, { terms }) => {
        const prefix = Buffer.from("for another ");
        if (event.kind === "accepted") {
          engine.connect(event.connection, refusing, { ...terms, prefix });
        }
        if (event.kind === "failed") engine.connect(event.connection, tcp(backend), terms);
      },
    });

    expect(await ask(relay.port, "hello")).toBe("hello");
    expect((await relay.closed(1))[0]).toMatchObject({ txBytes: "hello".length });
  });

  test("a backend that refuses is told with its code, and the client can be closed", async () => {
    const port = await freePort();
    const relay = await startRelay(subject, { kind: "tcp", host: "127.0.0.1", port });
    const client = await openClient(relay.port);

    expect(await relay.first("failed")).toMatchObject({ code: "ECONNREFUSED", mayRetry: true });
    await client.isOver();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "connect-failed" });
  });

  test("after a failed dial another backend serves the same connection, with what it had sent", async () => {
    const backend = await startBackend((socket) => {
      socket.on("data", (data: Buffer) => socket.end(`second got ${data.toString()}`));
    });
    const refusing = { kind: "tcp", host: "127.0.0.1", port: await freePort() } as const;
    const relay = await startRelay(subject, refusing, {
      onEvent: (event, engine, { terms }) => {
        if (event.kind === "accepted") engine.connect(event.connection, refusing, terms);
        if (event.kind === "failed") engine.connect(event.connection, tcp(backend), terms);
      },
    });

    expect(await ask(relay.port, "hello")).toBe("second got hello");
    expect(relay.events.map((event) => event.kind)).toEqual([
      "accepted",
      "failed",
      "connected",
      "closed",
    ]);
  });

  test("F-TCP-12 a backend given by name is resolved when connecting", async () => {
    const backend = await startBackend(greet("by name"));
    const relay = await startRelay(subject, { kind: "tcp", host: "localhost", port: backend.port });
    expect(await ask(relay.port)).toBe("by name");
  });

  test("a name that does not exist fails the dial", async () => {
    const target = { kind: "tcp", host: "backend.invalid", port: 80 } as const;
    const relay = await startRelay(subject, target);
    const client = await openClient(relay.port);

    expect((await relay.first("failed")).code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
    await client.isOver();
  });

  test("a backend hears at once of a client that says nothing", async () => {
    const waitsMs: number[] = [];
    let dialledAtMs = 0;
    const backend = await startBackend(() => waitsMs.push(performance.now() - dialledAtMs));
    const relay = await startRelay(subject, tcp(backend), {
      onEvent: (event, engine, { terms }) => {
        if (event.kind !== "accepted") return;
        dialledAtMs = performance.now();
        engine.connect(event.connection, tcp(backend), terms);
      },
    });

    for (let count = 1; count <= 5; count += 1) {
      await openClient(relay.port);
      await eventually(() => waitsMs.length === count);
    }

    // The least of them: a busy host may hold up any.
    expect(Math.min(...waitsMs)).toBeLessThan(lateAcknowledgementMs);
  });

  test("F-TCP-13 a backend with an IPv6 address works", async () => {
    const backend = await startBackend(greet("sixth"), { host: "::1" });
    const relay = await startRelay(subject, { kind: "tcp", host: "::1", port: backend.port });
    expect(await ask(relay.port)).toBe("sixth");
  });

  test("closing a connection that is being dialled ends the dial", async () => {
    const hole = await startBlackHole();
    const relay = await startRelay(subject, tcp(hole), { terms: { connectTimeoutMs: 60_000 } });
    const client = await openClient(relay.port);
    const { connection } = await relay.first("accepted");

    for (const engine of relay.engines) engine.close(connection, "flush", "removed");

    await client.isOver();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "removed" });
    await eventually(() => relay.ofKind("failed").length === 0);
  });
}
