import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { echo, startBackend } from "../../support/fake-backend.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { scaled } from "../../support/scale.ts";
import { openClient } from "../../support/test-client.ts";
import { startRelay, tcp, type EngineSubject } from "./relay-rig.ts";

/** Many connections: all of them end, and nothing of them is left. */
export function loadCases(subject: EngineSubject): void {
  test("data and FIN in one event: 600 connections, all answered, all ended", async () => {
    const backend = await startBackend((socket) => {
      socket.on("data", () => undefined);
      socket.on("end", () => socket.end("reply"));
    });
    const relay = await startRelay(subject, tcp(backend));
    const before = openSockets();

    const replies = await Promise.all(
      Array.from({ length: 600 }, async () => {
        const client = await openClient(relay.port);
        // One write and the FIN behind it leave in the same turn: they arrive together.
        client.socket.end("request");
        await client.isOver();
        client.socket.destroy();
        return client.text();
      }),
    );

    expect(replies.filter((reply) => reply === "reply")).toHaveLength(600);
    const closed = await relay.closed(600);
    expect(closed.every(({ rxBytes, txBytes }) => rxBytes === 5 && txBytes === 7)).toBe(true);
    await eventually(() => openSockets() === before);
  });

  test("messages that come at once, of which some are the last: each arrives whole and in its order", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const clients = await Promise.all(Array.from({ length: 120 }, () => openClient(relay.port)));
    const said = clients.map(() => "");
    for (let round = 0; round < 12; round += 1) {
      // One turn of the loop: the engine finds all of them in one wake-up.
      for (const [index, client] of clients.entries()) {
        if (index % 10 === round) continue;
        const message = `${index}.${round};`.repeat(1 + ((index * 13 + round * 101) % 700));
        said[index] += message;
        client.send(message);
        if (round === 11 && index % 2 === 0) client.finish();
        if (round === 11 && index % 7 === 0) client.reset();
      }
      const heard = clients.filter((_, index) => round < 11 || index % 7 !== 0);
      await Promise.all(
        heard.map((client) => client.receives((said[clients.indexOf(client)] ?? "").length)),
      );
    }

    for (const [index, client] of clients.entries()) {
      if (index % 7 !== 0) expect(client.text()).toBe(said[index]);
      client.finish();
    }
    await relay.closed(clients.length);
  });

  test("15,000 connections in batches leave no descriptor behind", async () => {
    const perBatch = 250;
    const batches = scaled(15_000 / perBatch, 2);
    const backend = await startBackend((socket) => socket.end("bye"));
    const relay = await startRelay(subject, tcp(backend));
    const before = openSockets();

    for (let batch = 1; batch <= batches; batch += 1) {
      const clients = await Promise.all(
        Array.from({ length: perBatch }, () => openClient(relay.port)),
      );
      for (const [index, client] of clients.entries()) {
        if (index % 3 === 0) client.reset();
        else client.finish();
      }
      await eventually(() => relay.ofKind("closed").length === relay.ofKind("accepted").length);
      await eventually(() => openSockets() === before);
    }

    const ids = new Set(relay.ofKind("closed").map((event) => event.connection));
    if (subject.engines === 1) expect(ids.size).toBe(relay.ofKind("closed").length);
  }, 120_000);
}
