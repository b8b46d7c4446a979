import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { startBackend } from "../../support/fake-backend.ts";
import { hasRawClient, openRawClient } from "../../support/raw-client.ts";
import { socketPath, startRelay, tcp, type EngineSubject } from "./relay-rig.ts";

const mib = 1024 * 1024;

/** What a system sends beside the stream is left out, and never holds the stream up. */
export function oddBytesCases(subject: EngineSubject): void {
  test("urgent data within a bulk stream is left out, and the stream goes on", async (context) => {
    if (!hasRawClient()) context.skip("no Python that can send it");
    const got = { bytes: 0, hasEnded: false };
    const backend = await startBackend((socket) => {
      socket.on("data", (data: Buffer) => (got.bytes += data.length));
      socket.on("end", () => {
        got.hasEnded = true;
        socket.end();
      });
    });
    const relay = await startRelay(subject, tcp(backend));
    const client = openRawClient(relay.port);
    client.send("a".repeat(8 * mib));
    await eventually(() => got.bytes === 8 * mib);

    client.sendUrgent("!");
    client.send("b".repeat(mib));
    await eventually(() => got.bytes === 9 * mib);
    client.send("c".repeat(mib));
    await eventually(() => got.bytes === 10 * mib);
    client.finish();

    await eventually(() => got.hasEnded);
    expect(got.bytes).toBe(10 * mib);
    expect((await relay.closed(1))[0]).toMatchObject({ txBytes: 10 * mib });
  });

  test("a descriptor that a Unix client passes is dropped, and its bytes are relayed", async (context) => {
    if (!hasRawClient()) context.skip("no Python that can pass one");
    let got = "";
    const backend = await startBackend((socket) => {
      socket.on("data", (data: Buffer) => (got += data.toString()));
    });
    const path = await socketPath();
    await startRelay({ ...subject, engines: 1 }, tcp(backend), { listen: { kind: "unix", path } });

    const client = openRawClient(path);
    client.send("one ");
    client.sendWithDescriptor("two ");
    client.send("three");

    await eventually(() => expect(got).toBe("one two three"));
  });
}
