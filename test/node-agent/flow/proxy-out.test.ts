import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { readProxyHeader } from "../../../node-agent/listen/proxy-header.ts";
import { openClientFrom } from "../../support/client-from.ts";
import { clientHelloBytes } from "../../support/client-hello-bytes.ts";
import { serve, startPlane, verified, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { reasonLog } from "../../support/reason-log.ts";
import { startRecording } from "../../support/recording-backend.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { openClient, type TestClient } from "../../support/test-client.ts";

const v1 = { proxyProtocol: { version: "1" } } as const;
const v2 = { proxyProtocol: { version: "2" } } as const;

function portOf({ socket }: TestClient): number {
  if (socket.localPort === undefined) throw new Error("not connected");
  return socket.localPort;
}

describe.for(await bothDrivers())("PROXY to backends, $driver engine", ({ driver, missing }) => {
  const plane = async (): Promise<PlaneUnderTest> =>
    startPlane({ engine: await engineOf(driver), workers: 2 });

  test("F-PRX-01 the backend gets exactly one TCP4 line before any data, also before the client says anything", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const web = await serve(await plane(), { backends: [recording.backend], ...v1 });
    const client = await openClientFrom("127.0.0.7", web.port);
    const line = `PROXY TCP4 127.0.0.7 127.0.0.1 ${portOf(client)} ${web.port}\r\n`;
    expect((await recording.receives(line.length)).toString()).toBe(line);
    client.send("and data");
    client.finish();
    await client.isOver();
    expect(client.text()).toBe("got");
    expect(recording.clients.map(String)).toEqual([`${line}and data`]);
    // The line is not the client's: it is not counted.
    await eventually(() => web.status().openConnections === 0);
    expect(web.status().totals).toMatchObject({ txBytes: 8, rxBytes: 3 });
  });

  test("F-PRX-02 F-PRX-03 an IPv6 client is announced as TCP6, an IPv4 one of the same listener as TCP4", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const port = await freePort();
    const balancer = verified({ bind: [`:${port}`], backends: [recording.backend], ...v1 });
    expect(await (await plane()).plane.start(balancer)).toMatchObject({ ok: true });
    const six = await openClientFrom("::1", port);
    const line6 = `PROXY TCP6 ::1 ::1 ${portOf(six)} ${port}\r\n`;
    expect((await recording.receives(line6.length)).toString()).toBe(line6);
    const four = await openClientFrom("127.0.0.1", port);
    const line4 = `PROXY TCP4 127.0.0.1 127.0.0.1 ${portOf(four)} ${port}\r\n`;
    expect((await recording.receives(line4.length, 1)).toString()).toBe(line4);
  });

  test("X-PRX-04 version 2 goes out in binary; with tlsDetails it tells the name that was sniffed", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const web = await serve(await plane(), { backends: [recording.backend], ...v2 });
    const client = await openClient(web.port);
    const header = await recording.receives(28);
    expect(readProxyHeader(header)).toEqual({
      kind: "header",
      length: 28,
      peer: {
        address: "127.0.0.1",
        port: portOf(client),
        localAddress: "127.0.0.1",
        localPort: web.port,
      },
    });

    const proxyProtocol = { version: "2", tlsDetails: true } as const;
    await web.update({ backends: [recording.backend], proxyProtocol, sni: {} });
    const named = await openClient(web.port);
    const hello = clientHelloBytes({ name: "www.example.com" });
    named.send(hello);
    const authority = Buffer.from([0x02, 0, 15, ...Buffer.from("www.example.com")]);
    const bytes = await recording.receives(28 + authority.length + hello.length, 1);
    expect(bytes.subarray(28, 28 + authority.length)).toEqual(authority);
    expect(bytes.subarray(28 + authority.length)).toEqual(hello);
  });

  test("X-PRX-06 one backend gets the header, another does not", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const [told, untold] = [await startRecording(), await startRecording()];
    const backends = [told.backend, { ...untold.backend, proxyProtocol: false }];
    const web = await serve(await plane(), { backends, strategy: "roundrobin", ...v1 });
    for (let round = 0; round < 4; round += 1) {
      const client = await openClient(web.port);
      client.send("hello");
      client.finish();
      await client.isOver();
    }
    expect(untold.clients.map(String)).toEqual(["hello", "hello"]);
    expect(told.clients).toHaveLength(2);
    for (const bytes of told.clients) expect(String(bytes)).toMatch(/^PROXY TCP4 .*\r\nhello$/);
  });

  test("the next backend gets the header too when the first one cannot be reached", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const gone = { host: "127.0.0.1", port: await freePort() };
    const backends = [{ ...gone, priority: 0 }, recording.backend];
    const web = await serve(await plane(), { backends, ...v2 });
    const client = await openClient(web.port);
    const port = portOf(client);
    client.send("data");
    client.finish();
    await client.isOver();
    expect(recording.clients).toHaveLength(1);
    expect(readProxyHeader(recording.clients[0] ?? Buffer.alloc(0))).toMatchObject({
      kind: "header",
      peer: { port },
    });
    expect(String(recording.clients[0]?.subarray(28))).toBe("data");
  });

  test("a client of a Unix socket has no address to be announced", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const path = join(await temporaryFolder(onTestFinished), "front.sock");
    const balancer = verified({ bind: [`unix:${path}`], backends: [recording.backend], ...v1 });
    expect(await (await plane()).plane.start(balancer)).toMatchObject({ ok: true });
    const client = await openClient({ path });
    client.send("data");
    const expected = "PROXY UNKNOWN\r\ndata";
    expect(String(await recording.receives(expected.length))).toBe(expected);
  });

  test("X-PRX-09 a backend that does not take the header has its client's connection reset, which is counted", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const { accessLog, reasons } = reasonLog();
    const under = await startPlane({ engine: await engineOf(driver), workers: 2, accessLog });
    const backend = await startBackend((socket) => socket.pause());
    const given = { ...v1, accessLog: {} } as const;
    const web = await serve(under, { backends: [backend], ...given });
    const client = await openClient(web.port);
    // Reset from here on it is this connection's end, and no failed dial.
    await eventually(() => web.status().totals.connections === 1 && backend.sockets.size === 1);
    for (const socket of backend.sockets) socket.resetAndDestroy();

    await eventually(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    await eventually(() => web.status().openConnections === 0);
    expect(web.status().totals).toMatchObject({ connections: 1, refused: 0, txBytes: 0 });
    await eventually(() => expect(reasons).toEqual(["backend-reset"]));
  });

  test("X-PRX-09 a backend that resets on the header before its handshake has a failed dial counted, each time", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await startBackend((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    const web = await serve(await plane(), {
      backends: [backend],
      backendTls: { ignoreVerify: true },
      proxyProtocol: { version: "1", beforeTls: true },
    });
    for (const count of [1, 2]) {
      const client = await openClient(web.port);
      await client.isOver();
      client.socket.destroy();
      await eventually(() => web.status().openConnections === 0);
      const { totals } = web.status();
      expect(totals).toMatchObject({ connections: 0, refused: count, txBytes: 0 });
    }
    expect(backend.accepted).toBe(2);
  });
});
