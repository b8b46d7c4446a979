import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { proxyHeader } from "../../../node-agent/connect/proxy-header.ts";
import { openClientFrom } from "../../support/client-from.ts";
import { clientHelloBytes } from "../../support/client-hello-bytes.ts";
import { serve, startPlane, verified, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { startRecording } from "../../support/recording-backend.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask, openClient } from "../../support/test-client.ts";

const trusted = { from: ["127.0.0.1"] };
const local = { localAddress: "203.0.113.9", localPort: 443 };

/** A header about a client, and what the client says. */
function announced(address: string, data: string | Uint8Array = "", version: 1 | 2 = 1): Buffer {
  const ends = { address, port: 40_000, ...local };
  const header = proxyHeader({ version, tellsTls: false }, ends, undefined);
  return Buffer.concat([header, Buffer.from(data)]);
}

const reasonsOf = (under: PlaneUnderTest): readonly string[] =>
  under.ofKind("clients.turned-away").map(({ reason }) => reason);

describe.for(await bothDrivers())("PROXY from clients, $driver engine", ({ driver, missing }) => {
  const plane = async (workers = 2): Promise<PlaneUnderTest> =>
    startPlane({ engine: await engineOf(driver), workers });

  test.for<1 | 2>([1, 2])(
    "X-PRX-08 a version %i header is read and taken off; the backend is told of the announced client",
    async (version, { skip }) => {
      if (missing !== undefined) return skip(missing);
      const recording = await startRecording();
      const proxyProtocol = { version: "1" } as const;
      const web = await serve(await plane(), {
        backends: [recording.backend],
        inboundProxyProtocol: trusted,
        proxyProtocol,
      });
      expect(await ask(web.port, announced("192.0.2.1", "data", version))).toBe("got");
      expect(recording.clients.map(String)).toEqual([
        "PROXY TCP4 192.0.2.1 203.0.113.9 40000 443\r\ndata",
      ]);
      await eventually(() => web.status().openConnections === 0);
      expect(web.status().totals).toMatchObject({ txBytes: 4, rxBytes: 3 });
    },
  );

  test("X-PRX-08 the access list, limits and elections go by the announced address", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const backends = [await startBackend(greet("a")), await startBackend(greet("b"))];
    const given = { backends, inboundProxyProtocol: trusted };
    const access = { default: "deny" as const, rules: ["allow 192.0.2.0/24"] };
    const web = await serve(under, { ...given, access, strategy: "iphash1" });
    expect(await ask(web.port, announced("198.51.100.1"))).toBe("");
    await eventually(() => reasonsOf(under).includes("access-denied"));
    const answers = new Map<string, Set<string>>();
    for (let host = 1; host <= 12; host += 1) {
      const address = `192.0.2.${host}`;
      const own = new Set([
        await ask(web.port, announced(address)),
        await ask(web.port, announced(address, "", 2)),
      ]);
      answers.set(address, own);
    }
    // Each address keeps its backend, and not all of them have the same one.
    expect([...answers.values()].every((own) => own.size === 1)).toBe(true);
    expect(new Set([...answers.values()].flatMap((own) => [...own]))).toEqual(new Set(["a", "b"]));

    const recording = await startRecording();
    const limits = { perClient: { maxConnections: 1 } };
    await web.update({ ...given, backends: [recording.backend], limits });
    const first = await openClient(web.port);
    first.send(announced("192.0.2.1", "x"));
    await recording.receives(1);
    expect(await ask(web.port, announced("192.0.2.1", "x"))).toBe("");
    expect(await ask(web.port, announced("192.0.2.2", "x"))).toBe("got");
  });

  test("X-PRX-08 whoever is not trusted is refused at once, header or not", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const recording = await startRecording();
    const inboundProxyProtocol = { ...trusted, timeout: "1h", required: false };
    const web = await serve(under, { backends: [recording.backend], inboundProxyProtocol });
    const silent = await openClientFrom("127.0.0.2", web.port);
    const forging = await openClientFrom("127.0.0.2", web.port);
    forging.send(announced("127.0.0.1", "data"));
    await Promise.all([silent.isOver(), forging.isOver()]);
    expect(recording.clients).toHaveLength(0);
    await eventually(() => web.status().totals.rejected === 2);
    await eventually(() => expect(new Set(reasonsOf(under))).toEqual(new Set(["untrusted-proxy"])));
  });

  test("a header that comes in pieces, with the client's first bytes or before them, is read", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const web = await serve(await plane(), {
      backends: [recording.backend],
      inboundProxyProtocol: trusted,
    });
    for (const version of [1, 2] as const) {
      const header = announced("192.0.2.1", "", version);
      for (const cut of [1, 5, 12, 15, 16, 20, header.length]) {
        const client = await openClient(web.port);
        client.send(header.subarray(0, cut));
        await new Promise((resolve) => setTimeout(resolve, 15));
        client.send(Buffer.concat([header.subarray(cut), Buffer.from(`${version}/${cut}`)]));
        client.finish();
        await client.isOver();
        expect(client.text()).toBe("got");
        expect(String(recording.clients.at(-1))).toBe(`${version}/${cut}`);
      }
    }
  });

  test("a backend that speaks first is heard by a client that was only announced", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await startBackend(greet("220 ready"));
    const web = await serve(await plane(), { backends: [backend], inboundProxyProtocol: trusted });
    const client = await openClient(web.port);
    client.send(announced("192.0.2.1", "", 2));
    await client.receives(9);
    expect(client.text()).toBe("220 ready");
  });

  test("the name is sniffed behind the header", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const [a, none] = [await startBackend(greet("a")), await startBackend(greet("none"))];
    const web = await serve(await plane(), {
      backends: [{ ...a, sni: "a.test" }, none],
      inboundProxyProtocol: trusted,
      sni: {},
    });
    for (const version of [1, 2] as const) {
      for (const [name, answer] of [
        ["a.test", "a"],
        ["b.test", "none"],
      ] as const) {
        const hello = clientHelloBytes({ name, ballastBytes: 3_000 });
        expect(await ask(web.port, announced("192.0.2.1", hello, version))).toBe(answer);
      }
    }
  });

  test("no header, a wrong, cut or late one: closed within the time, counted by reason, nobody dialled", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const recording = await startRecording();
    const inboundProxyProtocol = { ...trusted, timeout: "400ms" };
    const web = await serve(under, { backends: [recording.backend], inboundProxyProtocol });
    const wrong = [
      "GET / HTTP/1.1\r\n\r\n",
      "PROXY TCP4 nonsense\r\n",
      `PROXY ${"x".repeat(200_000)}`,
      announced("192.0.2.1", "", 2).subarray(0, 20),
    ];
    for (const bytes of wrong) expect(await ask(web.port, bytes)).toBe("");
    await eventually(() => web.status().totals.rejected === wrong.length);
    await eventually(() =>
      expect(new Set(reasonsOf(under))).toEqual(new Set(["bad-proxy-header"])),
    );

    const quiet = await openClient(web.port);
    const slow = await openClient(web.port);
    slow.send("PROXY TCP4 192.0.2.1");
    await Promise.all([quiet.isOver(), slow.isOver()]);
    await eventually(() => web.status().totals.rejected === wrong.length + 2);
    await eventually(() => reasonsOf(under).includes("proxy-header-timeout"));
    expect(recording.clients).toHaveLength(0);
    expect(await ask(web.port, announced("192.0.2.1", "x"))).toBe("got");
  });

  test("where a header is optional, who sends none is served as itself, and so is a proxy's own connection", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const web = await serve(await plane(), {
      backends: [recording.backend],
      inboundProxyProtocol: { ...trusted, required: false, timeout: "200ms" },
      proxyProtocol: { version: "1" },
      access: { default: "deny", rules: ["allow 127.0.0.1", "allow 192.0.2.1"] },
    });
    const ownLocal = Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex");
    for (const bytes of ["plain", Buffer.concat([ownLocal, Buffer.from("plain")])]) {
      expect(await ask(web.port, bytes)).toBe("got");
      expect(String(recording.clients.at(-1))).toMatch(/^PROXY TCP4 127.0.0.1 .*\r\nplain$/);
    }
    expect(await ask(web.port, announced("192.0.2.1", "told"))).toBe("got");
    expect(String(recording.clients.at(-1))).toMatch(/^PROXY TCP4 192.0.2.1 .*\r\ntold$/);
    // Who says nothing is waited for, then served: its backend may have to speak first.
    const quiet = await openClient(web.port);
    await eventually(() => recording.clients.length === 4);
    expect(quiet.ended).toBe(false);
  });

  test("whoever comes by a Unix socket is trusted when `unix` is listed, and only then", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const recording = await startRecording();
    const path = join(await temporaryFolder(onTestFinished), "front.sock");
    const given = { id: "bal_unix", bind: [`unix:${path}`], backends: [recording.backend] };
    const balancer = verified({ ...given, inboundProxyProtocol: { from: ["unix"] } });
    expect(await under.plane.start(balancer)).toMatchObject({ ok: true });
    expect(await ask({ path }, announced("192.0.2.1", "data", 2))).toBe("got");
    expect(recording.clients.map(String)).toEqual(["data"]);
    const other = verified({ ...given, inboundProxyProtocol: { from: ["0.0.0.0/0", "::/0"] } });
    expect(await under.plane.update(other)).toMatchObject({ ok: true });
    expect(await ask({ path }, announced("192.0.2.1", "data", 2))).toBe("");
  });

  test("connections that were not announced yet hold nothing: a balancer goes without them", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane(1);
    const recording = await startRecording();
    const limits = { maxConnections: 1 };
    const web = await serve(under, {
      backends: [recording.backend],
      inboundProxyProtocol: { ...trusted, timeout: "1h" },
      limits,
    });
    const waiting = await Promise.all([1, 2, 3].map(() => openClient(web.port)));
    expect(await ask(web.port, announced("192.0.2.1", "x"))).toBe("got");
    expect(web.status().openConnections).toBeLessThanOrEqual(1);

    expect(await under.plane.remove(web.id, 0)).toMatchObject({ ok: true });
    await eventually(() => under.ofKind("balancer.drained").length === 1);
    waiting[0]?.send(announced("192.0.2.1", "x"));
    await waiting[0]?.isOver();
    expect(recording.clients).toHaveLength(1);
  });
});
