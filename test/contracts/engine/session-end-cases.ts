import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { alone, only, startDatagrams } from "./datagram-rig.ts";
import type { EngineSubject } from "./relay-rig.ts";

const echo = (bytes: Buffer): Buffer => bytes;
const idleMs = 400;

/** How sessions end by themselves. */
export function sessionEndCases(subject: EngineSubject): void {
  test("F-UDP-03 a client that is silent so long ends its session", async () => {
    const rig = await startDatagrams(subject, await startUdpBackend(echo), {
      terms: { clientIdleMs: idleMs, idleMode: "oneWay" },
    });
    const client = await openUdpClient(rig);
    const startedMs = performance.now();
    await client.ask("x");

    expect((await rig.some("session-ended"))[0]).toMatchObject({ reason: "client-idle" });
    expect(performance.now() - startedMs).toBeGreaterThan(idleMs * 0.9);
    expect(await client.ask("y")).toBe("y");
    expect(rig.ofKind("arrived")).toHaveLength(2);
  });

  test("F-UDP-04 a backend that is silent so long ends the session, however much the client says", async () => {
    const rig = await startDatagrams(alone(subject), await startUdpBackend(() => undefined), {
      terms: { clientIdleMs: 0, backendIdleMs: idleMs, idleMode: "oneWay" },
    });
    const client = await openUdpClient(rig);

    await eventually(
      async () => {
        await client.send("x");
        return rig.ofKind("session-ended").length > 0;
      },
      { everyMs: 20 },
    );
    expect(rig.ofKind("session-ended")[0]).toMatchObject({ reason: "backend-idle" });
  });

  test("X-UDP-23 with twoWay, traffic either way keeps the session", async () => {
    const rig = await startDatagrams(alone(subject), await startUdpBackend(() => undefined), {
      terms: { clientIdleMs: idleMs, backendIdleMs: idleMs, idleMode: "twoWay" },
    });
    const client = await openUdpClient(rig);
    const startedMs = performance.now();
    while (performance.now() - startedMs < 3 * idleMs) {
      const count = rig.ofKind("session-ended").length;
      await client.send("x");
      await eventually(() => only(rig).takeMoved().length > 0, { everyMs: 10 });
      expect(count).toBe(0);
    }
    expect(rig.ofKind("arrived")).toHaveLength(1);
    expect((await rig.some("session-ended"))[0].reason).toMatch(/^(client|backend)-idle$/);
  });

  test("F-UDP-05 a session ends after so many replies, and the next datagram arrives anew", async () => {
    const rig = await startDatagrams(subject, await startUdpBackend(echo), {
      terms: { maxResponses: 2 },
    });
    const client = await openUdpClient(rig);
    expect([await client.ask("a"), await client.ask("b")]).toEqual(["a", "b"]);

    expect((await rig.some("session-ended"))[0]).toMatchObject({
      reason: "responses-done",
      rxDatagrams: 2,
      txDatagrams: 2,
    });
    expect(await client.ask("c")).toBe("c");
    expect(rig.ofKind("arrived")).toHaveLength(2);
  });

  test("F-UDP-05 what a backend sends beyond so many replies is not relayed", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), backend, { terms: { maxResponses: 1 } });
    const client = await openUdpClient(rig);
    const asked = ["a", "b", "c"];
    for (const text of asked) void client.send(text);
    await eventually(() => rig.ofKind("session-ended").length > 0);
    const [ended] = rig.ofKind("session-ended");

    expect(ended).toMatchObject({ reason: "responses-done", rxDatagrams: 1, rxBytes: 1 });
  });

  test("F-UDP-06 a session takes so many datagrams, the next one arrives anew, and every reply comes", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(subject, backend, { terms: { maxRequests: 2 } });
    const client = await openUdpClient(rig);
    for (const text of ["a", "b", "c", "d", "e"]) expect(await client.ask(text)).toBe(text);

    expect(rig.ofKind("arrived")).toHaveLength(3);
    expect(new Set(backend.senders).size).toBe(3);
    const ended = await rig.some("session-ended", 2);
    expect(ended.slice(0, 2)).toMatchObject([
      { reason: "requests-done", txDatagrams: 2, rxDatagrams: 2 },
      { reason: "requests-done", txDatagrams: 2, rxDatagrams: 2 },
    ]);
  });

  test("F-UDP-06 of what is held, only so many are the session's; the rest arrives anew, in order", async () => {
    const backend = await startUdpBackend(() => undefined);
    const rig = await startDatagrams(alone(subject), backend, {
      onEvent: (event, relay, rig) => {
        // The first waits for all of them.
        if (event.kind !== "arrived" || rig.ofKind("arrived").length === 1) return;
        relay.forward(event.session, backend, { ...rig.terms, maxRequests: 2 });
      },
    });
    const client = await openUdpClient(rig);
    const [first] = await Promise.all([rig.some("arrived"), client.send("0")]);
    for (const text of ["1", "2", "3", "4"]) await client.send(text);
    // A second client tells that all of the first one's are there.
    const other = await openUdpClient(rig);
    await other.send("other");
    await eventually(() => backend.received.length === 1);
    only(rig).forward(first[0].session, backend, { ...rig.terms, maxRequests: 2 });

    await eventually(() => backend.received.length === 6);
    const texts = backend.received.map((bytes) => bytes.toString());
    expect(texts).toEqual(["other", "0", "1", "2", "3", "4"]);
    expect(rig.ofKind("arrived")).toHaveLength(4);
  });
}
