import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { startUdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { alone, listenerTerms, only, startDatagrams } from "./datagram-rig.ts";
import type { EngineSubject } from "./relay-rig.ts";

const echo = (bytes: Buffer): Buffer => bytes;

/** Binding, and giving an address up. */
export function bindCases(subject: EngineSubject): void {
  test("an address that somebody has is refused by its code", async () => {
    const taken = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), taken);

    expect(
      await only(rig).bind(2, {
        address: { host: "127.0.0.1", port: taken.port },
        reusePort: false,
        terms: listenerTerms,
      }),
    ).toMatchObject({ ok: false, code: "EADDRINUSE" });
    expect(
      await only(rig).bind(3, {
        address: { host: "192.0.2.1", port: 0 },
        reusePort: false,
        terms: listenerTerms,
      }),
    ).toMatchObject({ ok: false, code: "EADDRNOTAVAIL" });
  });

  test("F-UDP-13 giving an address up ends its sessions and frees it", async () => {
    const backend = await startUdpBackend(echo);
    const rig = await startDatagrams(alone(subject), backend);
    const client = await openUdpClient(rig);
    await client.ask("x");
    await only(rig).unbind(1, { keepsAddress: false, reason: "removed" });

    expect(await rig.some("session-ended")).toMatchObject([{ reason: "removed" }]);
    const next = await startUdpBackend((bytes) => `next ${bytes.toString()}`, { port: rig.port });
    expect(await client.ask("y")).toBe("next y");
    expect(next.received).toHaveLength(1);
    expect(only(rig).descriptorOf(1)).toBeUndefined();
    await only(rig).unbind(1, { keepsAddress: false, reason: "removed" });
  });

  test("a sealed listener takes no new clients, counts them, and serves those it has", async () => {
    const rig = await startDatagrams(alone(subject), await startUdpBackend(echo));
    const known = await openUdpClient(rig);
    await known.ask("x");
    only(rig).seal(1);
    await (await openUdpClient(rig)).send("nobody");

    expect(await rig.some("datagrams-dropped")).toMatchObject([{ reason: "sealed", count: 1 }]);
    expect(await known.ask("y")).toBe("y");
    expect(rig.ofKind("arrived")).toHaveLength(1);
  });

  test("an address that is left to a successor is not received at, and replies go out still", async () => {
    const backend = await startUdpBackend(() => undefined);
    const rig = await startDatagrams(alone(subject), backend);
    const client = await openUdpClient(rig);
    await client.send("x");
    await eventually(() => backend.senders.length === 1);
    expect(only(rig).descriptorOf(1)).toBeGreaterThan(0);
    await only(rig).unbind(1, { keepsAddress: true, reason: "drained" });
    await client.send("for the successor");

    const [sender = ""] = backend.senders;
    const replies = await openUdpClient({ port: Number(sender.split(":")[1]) });
    // Sent by anybody else it is not the backend's: the session's socket is connected.
    await replies.send("not the backend");
    backend.say("late reply", sender);
    await eventually(() => client.texts().includes("late reply"));
    expect(client.received[0]?.from.port).toBe(rig.port);
    expect(backend.received).toHaveLength(1);
    expect(client.texts()).toEqual(["late reply"]);
    expect(rig.ofKind("session-ended")).toEqual([]);
    const [{ session }] = await rig.some("arrived");
    only(rig).end(session, "drained");
    await rig.some("session-ended");
  });

  test("a listener that is open stays as it is", async () => {
    const rig = await startDatagrams(alone(subject), await startUdpBackend(echo));
    const again = {
      address: { host: "127.0.0.1", port: rig.port },
      reusePort: false,
      terms: listenerTerms,
    };

    expect(await only(rig).bind(1, again)).toEqual({ ok: true, port: rig.port });
    expect(await only(rig).bind(1, { ...again, descriptor: 9_999 })).toMatchObject({
      ok: false,
      code: "EEXIST",
    });
  });
}
