import { expect, test } from "vitest";

import { peekBytesMax } from "#shared/base/limits.ts";

import type { Engine, EngineEvent } from "../../../node-agent/engine/engine.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, startBackend } from "../../support/fake-backend.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { openClient } from "../../support/test-client.ts";
import { startRelay, tcp, type EngineSubject, type Relay } from "./relay-rig.ts";

type Peeked = Extract<EngineEvent, { kind: "peeked" }>;

/** Peeks once at every client, then does what `then` says. */
function peekThen(then: (event: Peeked, engine: Engine, relay: Relay) => void) {
  return (event: EngineEvent, engine: Engine, relay: Relay): void => {
    if (event.kind === "accepted") {
      engine.peek(event.connection, { moreThan: 0, timeoutMs: 10_000 });
    } else if (event.kind === "peeked") then(event, engine, relay);
  };
}

/** What a client says first can be looked at before a backend is chosen. */
export function peekCases(subject: EngineSubject): void {
  test("first bytes are told, and reach the backend as if nobody had looked", async () => {
    const backend = await startBackend(echo);
    const target = tcp(backend);
    const relay = await startRelay(subject, target, {
      onEvent: peekThen(({ connection }, engine, { terms }) =>
        engine.connect(connection, target, terms),
      ),
    });
    const client = await openClient(relay.port);
    client.send("who is there?");

    const peeked = await relay.first("peeked");
    expect(Buffer.from(peeked.bytes).toString()).toBe("who is there?");
    expect(peeked.outcome).toBe("more");
    await eventually(() => client.text() === "who is there?");
    client.send(" and more");
    client.socket.end();
    await client.isOver();
    expect(client.text()).toBe("who is there? and more");
    expect((await relay.closed(1))[0]).toMatchObject({ rxBytes: 22, txBytes: 22 });
  });

  test("first bytes that come in pieces are asked for until they are enough", async () => {
    const backend = await startBackend(echo);
    const target = tcp(backend);
    const relay = await startRelay(subject, target, {
      onEvent: peekThen(({ connection, bytes }, engine, { terms }) => {
        if (bytes.length >= 6) engine.connect(connection, target, terms);
        else engine.peek(connection, { moreThan: bytes.length, timeoutMs: 10_000 });
      }),
    });
    const client = await openClient(relay.port);
    for (const [index, piece] of ["ab", "cd", "ef"].entries()) {
      client.send(piece);
      await eventually(() => relay.ofKind("peeked").length === index + 1);
    }
    client.socket.end();
    await client.isOver();

    const seen = relay.ofKind("peeked").map(({ bytes }) => Buffer.from(bytes).toString());
    expect(seen).toEqual(["ab", "abcd", "abcdef"]);
    expect(client.text()).toBe("abcdef");
  });

  test("a client that ends its stream early is told as ended, and is relayed all the same", async () => {
    const backend = await startBackend(echo);
    const target = tcp(backend);
    const relay = await startRelay(subject, target, {
      onEvent: peekThen(({ connection, outcome, bytes }, engine, { terms }) => {
        if (outcome === "ended") engine.connect(connection, target, terms);
        else engine.peek(connection, { moreThan: bytes.length, timeoutMs: 10_000 });
      }),
    });
    const client = await openClient(relay.port);
    client.socket.end("short");
    await client.isOver();

    expect(client.text()).toBe("short");
    expect(relay.ofKind("peeked").at(-1)).toMatchObject({ outcome: "ended" });
  });

  test("a client that says nothing and ends is told with no bytes", async () => {
    const relay = await startRelay(subject, unused, {
      onEvent: peekThen(({ connection }, engine) =>
        engine.close(connection, "flush", "no-backend"),
      ),
    });
    const client = await openClient(relay.port);
    client.socket.end();
    await client.isOver();

    expect(await relay.first("peeked")).toMatchObject({ outcome: "ended" });
    expect((await relay.first("peeked")).bytes).toHaveLength(0);
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "no-backend" });
  });

  test("a silent client is told at the timeout, exactly, and can then be closed", async () => {
    const clock = new FakeClock();
    const relay = await startRelay(subject, unused, {
      clock,
      onEvent: peekThen(({ connection }, engine) =>
        engine.close(connection, "flush", "client-idle"),
      ),
    });
    const client = await openClient(relay.port);
    await relay.first("accepted");
    await settled();
    clock.advance(9_999);
    await settled();
    expect(relay.ofKind("peeked")).toHaveLength(0);
    clock.advance(1);

    expect(await relay.first("peeked")).toMatchObject({ outcome: "timeout" });
    await client.isOver();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "client-idle" });
  });

  test("what is discarded of the first bytes is neither relayed nor counted", async () => {
    const backend = await startBackend(echo);
    const target = tcp(backend);
    const prefix = Buffer.from("instead ");
    const relay = await startRelay(subject, target, {
      onEvent: peekThen(({ connection }, engine, { terms }) => {
        engine.discard(connection, "header ".length);
        engine.connect(connection, target, { ...terms, prefix });
      }),
    });
    const client = await openClient(relay.port);
    client.socket.end("header body");
    await client.isOver();

    expect(client.text()).toBe("instead body");
    expect((await relay.closed(1))[0]).toMatchObject({ txBytes: "body".length });
  });

  test("a client that resets while its first bytes are awaited ends once, as a reset", async () => {
    const relay = await startRelay(subject, unused, { onEvent: peekThen(() => undefined) });
    const client = await openClient(relay.port);
    await relay.first("accepted");
    client.socket.resetAndDestroy();

    expect(await relay.closed(1)).toMatchObject([{ reason: "client-reset" }]);
  });

  test("a connection can be closed while its first bytes are awaited", async () => {
    const relay = await startRelay(subject, unused, { onEvent: peekThen(() => undefined) });
    const client = await openClient(relay.port);
    const { connection } = await relay.first("accepted");
    for (const engine of relay.engines) engine.close(connection, "abort", "drained");

    await client.isOver();
    expect(await relay.closed(1)).toMatchObject([{ reason: "drained" }]);
  });

  test("no more than peekBytesMax are told: whoever asks for more learns that this is all", async () => {
    const relay = await startRelay(subject, unused, {
      onEvent: peekThen(({ connection, outcome, bytes }, engine) => {
        if (outcome === "more") {
          engine.peek(connection, { moreThan: bytes.length, timeoutMs: 10_000 });
        } else engine.close(connection, "abort", "access-denied");
      }),
    });
    const client = await openClient(relay.port);
    client.send(Buffer.alloc(4 * peekBytesMax));
    await relay.closed(1);

    const last = relay.ofKind("peeked").at(-1);
    expect(last).toMatchObject({ outcome: "ended" });
    expect(last?.bytes.length).toBe(peekBytesMax);
  });
}

/** A target that nobody is connected to. */
const unused = { kind: "tcp", host: "127.0.0.1", port: 9 } as const;
