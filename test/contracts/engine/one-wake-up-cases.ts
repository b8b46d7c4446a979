import type { Socket } from "node:net";

import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { openClient } from "../../support/test-client.ts";
import { socketPath, startRelay, tcp, type EngineSubject, type Relay } from "./relay-rig.ts";

/**
 * What happens to both sides of a connection before the engine looks again. Within one turn of the
 * loop here, it finds all of it in one wake-up, in this order.
 */
export function oneWakeUpCases(subject: EngineSubject): void {
  const alone = { ...subject, engines: 1 };

  test("a connection that ends while its bytes are under way leaves nothing to the next one", async () => {
    const { relay, backend, next } = await relayToUnix();
    for (let round = 0; round < 20; round += 1) {
      const client = await openClient(relay.port);
      await eventually(() => backend.sockets.size === 1);
      for (const socket of backend.sockets) socket.end();
      await client.isOver();
      client.send("lost");
      for (const socket of backend.sockets) socket.destroy();
      await eventually(() => backend.sockets.size === 0);
      client.finish();
      await eventually(() => relay.ofKind("closed").length === 2 * round + 1);

      next.isTcp = true;
      const other = await openClient(relay.port);
      other.send("?");
      await other.receives("first".length);
      other.send("!");
      await other.receives("first and second".length);
      other.finish();
      await relay.closed(2 * round + 2);
      expect(relay.ofKind("closed").at(-1)).toMatchObject({ reason: "client-closed", txBytes: 2 });
      next.isTcp = false;
    }
  });

  // Not a skip: the contract asks this of nobody, and of the native driver we do.
  if (subject.driver === "native") {
    test.each([1, 90])(
      "what a Unix backend said before it closed arrives, though bytes for it were under way (%i at once)",
      async (count) => {
        const { relay, backend } = await relayToUnix();
        const clients = await Promise.all(
          Array.from({ length: count }, () => openClient(relay.port)),
        );
        await eventually(() => backend.sockets.size === count);

        for (const client of clients) client.send("a question");
        for (const socket of backend.sockets) say(socket, "the whole answer");

        for (const client of clients) await client.isOver();
        expect(clients.map((client) => client.text())).toEqual(
          clients.map(() => "the whole answer"),
        );
        for (const client of clients) client.finish();
        for (const { reason } of await relay.closed(count)) expect(reason).toBe("backend-closed");
      },
    );
  }

  /** Clients are led to a Unix backend, or to one over TCP that answers in two pieces. */
  async function relayToUnix(): Promise<{
    readonly relay: Relay;
    readonly backend: FakeBackend;
    readonly next: { isTcp: boolean };
  }> {
    const path = await socketPath();
    // It reads nothing, so that it closes in order, whatever is on its way to it.
    const backend = await startBackend((socket) => socket.pause(), { path });
    const pieces = await startBackend((socket) => {
      socket.on("data", (data: Buffer) => {
        socket.write(data.toString() === "?" ? "first" : " and second");
      });
      socket.on("end", () => socket.end());
    });
    const next = { isTcp: false };
    const relay = await startRelay(alone, tcp(pieces), {
      onEvent: (event, engine, { terms }) => {
        if (event.kind !== "accepted") return;
        engine.connect(event.connection, next.isTcp ? tcp(pieces) : { kind: "unix", path }, terms);
      },
    });
    return { relay, backend, next };
  }
}

/** At once, and closes: what it was sent meanwhile meets a closed socket. */
function say(socket: Socket, text: string): void {
  socket.write(text);
  socket.destroy();
}
