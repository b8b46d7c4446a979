import { describe, expect, test } from "vitest";

import { AccessLog } from "../../../node-agent/runtime/access-log.ts";
import { askFrom } from "../../support/client-from.ts";
import { serve, startPlane, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { findNative } from "../../support/native-engine.ts";
import { ask, openClient } from "../../support/test-client.ts";

type Line = Readonly<Record<string, unknown>>;

interface LoggedPlane extends PlaneUnderTest {
  readonly lines: readonly Line[];
  readonly accessLog: AccessLog;
}

async function loggedPlane(engine?: Parameters<typeof startPlane>[0]): Promise<LoggedPlane> {
  const lines: Line[] = [];
  const accessLog = new AccessLog({
    write: (text) => {
      for (const line of text.trimEnd().split("\n")) lines.push(JSON.parse(line) as Line);
      return true;
    },
  });
  return { ...(await startPlane({ ...engine, accessLog })), lines, accessLog };
}

describe.for(await bothDrivers())("with the $driver engine", ({ driver, missing }) => {
  test("X-LOG-07 a finished connection leaves one record: client, backend, bytes each way, duration, close reason", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const native = await findNative();
    const engine =
      driver === "native" && native.kind === "found"
        ? ({ driver, file: native.file } as const)
        : ({ driver: "portable" } as const);
    const under = await loggedPlane({ engine, workers: 2 });
    const backend = await startBackend(echo);
    const web = await serve(under, { backends: [backend], accessLog: {} });
    const beforeMs = Date.now();
    const client = await openClient(web.port);
    client.send("twelve bytes");
    await client.receives(12);
    const clientPort = client.socket.localPort;
    client.finish();
    await client.isOver();
    await eventually(() => under.lines.length === 1);

    const [line] = under.lines;
    expect(line).toMatchObject({
      level: 30,
      name: "midstream-agent",
      event: "connection",
      balancer: web.id,
      balancerName: "web",
      client: "127.0.0.1",
      clientPort,
      listener: `127.0.0.1:${web.port}`,
      backend: `127.0.0.1:${backend.port}`,
      dials: 1,
      rxBytes: 12,
      txBytes: 12,
      reason: "client-closed",
    });
    expect(line).not.toHaveProperty("dialError");
    const { time, connectMs, durationMs } = line as Readonly<Record<string, number>>;
    expect(time).toBeGreaterThanOrEqual(beforeMs);
    expect(connectMs).toBeGreaterThanOrEqual(0);
    expect(durationMs).toBeGreaterThanOrEqual(connectMs ?? 0);
    expect(under.accessLog.counts()).toEqual({ written: 1, dropped: 0 });
  });
});

test("who was turned away and who could not be connected is logged, whatever the rate", async () => {
  const under = await loggedPlane();
  const access = { rules: ["deny 127.0.0.2"] };
  const dead = await freePort();
  const backends = [`127.0.0.1:${dead}`];
  const web = await serve(under, { backends, access, accessLog: { sample: 0 } });
  await askFrom("127.0.0.2", web.port);
  await askFrom("127.0.0.1", web.port);
  await eventually(() => under.lines.length === 2);

  expect(under.lines.find(({ client }) => client === "127.0.0.2")).toMatchObject({
    reason: "access-denied",
    backend: null,
    dials: 0,
    connectMs: null,
    rxBytes: 0,
  });
  expect(under.lines.find(({ client }) => client === "127.0.0.1")).toMatchObject({
    reason: "connect-failed",
    backend: `127.0.0.1:${dead}`,
    dials: 1,
    connectMs: null,
    dialError: "ECONNREFUSED",
  });
});

test("without the section nothing is logged; a change of it counts from the next client on", async () => {
  const under = await loggedPlane();
  const backend = await startBackend(echo);
  const web = await serve(under, { backends: [backend] });
  await ask(web.port, "first");
  await web.update({ backends: [backend], accessLog: { sample: 1 } });
  await ask(web.port, "second");
  await eventually(() => under.lines.length === 1);
  await web.update({ backends: [backend], accessLog: { sample: 0 } });
  await ask(web.port, "third");
  await web.update({ backends: [backend] });
  await ask(web.port, "fourth");
  await under.plane.stop();
  expect(under.lines.map(({ txBytes }) => txBytes)).toEqual(["second".length]);
});

test("what is open at the end is logged before the workers are gone", async () => {
  const under = await loggedPlane({ workers: 2 });
  const backend = await startBackend(echo);
  const web = await serve(under, { backends: [backend], accessLog: {} });
  const client = await openClient(web.port);
  client.send("open");
  await client.receives(4);
  await under.plane.stop();
  expect(under.lines).toMatchObject([{ reason: "stopped", txBytes: 4, rxBytes: 4 }]);
});
