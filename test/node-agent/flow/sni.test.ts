import { describe, expect, test } from "vitest";

import { clientHelloBytes, inRecords } from "../../support/client-hello-bytes.ts";
import { serve, startPlane, verified, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { greetedAs } from "../../support/greeted-as.ts";
import { page, startPages } from "../../support/page-server.ts";
import { ask, openClient } from "../../support/test-client.ts";

/** What a backend of the tests says, for the client to know which one it was. */
const start = (text: string): Promise<FakeBackend> => startBackend(greet(text));

const reasonsOf = (under: PlaneUnderTest): readonly string[] =>
  under.ofKind("clients.turned-away").map(({ reason }) => reason);

describe.for(await bothDrivers())("sni with the $driver engine", ({ driver, missing }) => {
  const plane = async (workers = 2): Promise<PlaneUnderTest> =>
    startPlane({ engine: await engineOf(driver), workers });

  test("F-SNI-01 F-SNI-03 F-SNI-04 names match in any case; a name nobody has, and none, go to backends without one", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const [a, b, none] = [await start("a"), await start("b"), await start("none")];
    const backends = [{ ...a, sni: "A.test" }, { ...b, sni: "b.test" }, none];
    const web = await serve(under, { backends, sni: {} });

    for (let round = 0; round < 6; round += 1) {
      expect(await greetedAs(web.port, { name: "a.test" })).toBe("a");
      expect(await greetedAs(web.port, { name: "B.TEST" })).toBe("b");
      expect(await greetedAs(web.port, { name: "c.test" })).toBe("none");
      expect(await greetedAs(web.port)).toBe("none");
    }
    expect([a, b, none].map(({ accepted }) => accepted)).toEqual([6, 6, 12]);

    // Without such a backend there is nobody for them.
    await web.update({ backends: backends.slice(0, 2), sni: {} });
    expect(await greetedAs(web.port, { name: "c.test" })).toBe("");
    expect(await greetedAs(web.port)).toBe("");
    expect(web.status().totals).toMatchObject({ rejected: 2 });
    await eventually(() => reasonsOf(under).includes("name-refused"));
  });

  test("F-SNI-02 F-SNI-13 patterns decide; another pattern takes effect with the next client", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const [a, none] = [await start("a"), await start("none")];
    const sni = { hostnameMatchingStrategy: "regexp" } as const;
    const web = await serve(under, { backends: [{ ...a, sni: "^a.*\\.test$" }, none], sni });
    expect(await greetedAs(web.port, { name: "abc.test" })).toBe("a");
    expect(await greetedAs(web.port, { name: "b.test" })).toBe("none");
    expect(await greetedAs(web.port, { name: "Abc.test" })).toBe("none");
    expect(await greetedAs(web.port)).toBe("none");

    await web.update({ backends: [{ ...a, sni: "^b" }, none], sni });
    expect(await greetedAs(web.port, { name: "abc.test" })).toBe("none");
    expect(await greetedAs(web.port, { name: "b.test" })).toBe("a");
  });

  test("F-SNI-05 F-SNI-06 a name nobody has is closed with reject, and goes to anybody with any", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const [a, none] = [await start("a"), await start("none")];
    const backends = [{ ...a, sni: "a.test" }, none];
    const strategy = "roundrobin";
    const reject = { unexpectedHostnameStrategy: "reject" } as const;
    const web = await serve(under, { backends, strategy, sni: reject });
    expect(await greetedAs(web.port, { name: "a.test" })).toBe("a");
    expect(await greetedAs(web.port, { name: "c.test" })).toBe("");
    expect(await greetedAs(web.port)).toBe("none");
    await eventually(() => reasonsOf(under).includes("name-refused"));

    await web.update({ backends, strategy, sni: { unexpectedHostnameStrategy: "any" } });
    const answers = [];
    for (let round = 0; round < 4; round += 1) {
      answers.push(await greetedAs(web.port, { name: "c.test" }));
    }
    expect(answers.toSorted()).toEqual(["a", "a", "none", "none"]);
  });

  test("F-SNI-10 X-SNI-17 two pools of two that are asked in turn: each member gets a quarter", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const all = [await start("a1"), await start("a2"), await start("b1"), await start("b2")];
    const backends = all.map((one, index) => ({ ...one, sni: index < 2 ? "a.test" : "b.test" }));
    const web = await serve(under, { backends, strategy: "roundrobin", sni: {} });
    for (let round = 0; round < 20; round += 1) {
      await greetedAs(web.port, { name: "a.test" });
      await greetedAs(web.port, { name: "b.test" });
    }
    expect(all.map(({ accepted }) => accepted)).toEqual([10, 10, 10, 10]);
  });

  test("F-SNI-11 when all of a name's backends are full, no other pool helps out", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const a = await startBackend(silent);
    const none = await start("none");
    const backends = [{ ...a, sni: "a.test", maxConnections: 1 }, none];
    const web = await serve(under, { backends, sni: { unexpectedHostnameStrategy: "any" } });
    const first = await openClient(web.port);
    first.send(clientHelloBytes({ name: "a.test" }));
    await eventually(() => a.sockets.size === 1);

    expect(await greetedAs(web.port, { name: "a.test" })).toBe("");
    expect(none.accepted).toBe(0);
    await eventually(() => reasonsOf(under).includes("backends-full"));
  });

  test("X-SNI-14 a hello that is cut at any byte routes right, wherever the pieces come from", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const [a, none] = [await start("a"), await start("none")];
    const web = await serve(under, { backends: [{ ...a, sni: "a.test" }, none], sni: {} });
    const whole = clientHelloBytes({ name: "a.test", protocols: ["h2"] });
    const cuts = Array.from({ length: whole.length - 1 }, (_, index) => index + 1);
    for (let at = 0; at < cuts.length; at += 16) {
      await Promise.all(
        cuts.slice(at, at + 16).map(async (cut) => {
          const client = await openClient(web.port);
          client.send(whole.subarray(0, cut));
          // Long enough for the first piece to be looked at by itself.
          await new Promise((resolve) => setTimeout(resolve, 10));
          client.send(whole.subarray(cut));
          await client.receives(1);
          expect(client.text()).toBe("a");
          client.socket.destroy();
        }),
      );
    }
    expect([a.accepted, none.accepted]).toEqual([cuts.length, 0]);
  });

  test("X-SNI-15 a hello of 4 KB over several segments, and one in tiny records, route right", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const [a, none] = [await start("a"), await start("none")];
    const web = await serve(under, { backends: [{ ...a, sni: "a.test" }, none], sni: {} });
    const large = clientHelloBytes({ name: "a.test", ballastBytes: 4_096 });
    const client = await openClient(web.port);
    for (let at = 0; at < large.length; at += 1_400) {
      client.send(large.subarray(at, at + 1_400));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await client.receives(1);
    expect(client.text()).toBe("a");
    const tiny = { name: "a.test", ballastBytes: 2_000, recordBytes: 1 };
    expect(await greetedAs(web.port, tiny)).toBe("a");
    expect(await greetedAs(web.port, { name: "a.test", ballastBytes: 30_000 })).toBe("a");
  });

  test("X-SNI-19 the protocols a client offers choose among the backends of its name", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const all = [await start("h2"), await start("acme"), await start("any"), await start("none")];
    const [h2, acme, any, none] = all;
    if (!h2 || !acme || !any || !none) throw new Error("not started");
    const backends = [
      { ...h2, sni: "a.test", alpn: ["h2"] },
      { ...acme, sni: "a.test", alpn: ["acme-tls/1"] },
      { ...any, sni: "a.test" },
      none,
    ];
    const web = await serve(under, { backends, sni: {} });
    const name = "a.test";
    expect(await greetedAs(web.port, { name, protocols: ["h2", "http/1.1"] })).toBe("h2");
    expect(await greetedAs(web.port, { name, protocols: ["http/1.1", "h2"] })).toBe("h2");
    expect(await greetedAs(web.port, { name, protocols: ["acme-tls/1"] })).toBe("acme");
    expect(await greetedAs(web.port, { name, protocols: ["http/1.1"] })).toBe("any");
    expect(await greetedAs(web.port, { name })).toBe("any");

    const some = backends.filter((one) => one !== backends[2]);
    await web.update({ backends: some, sni: {} });
    expect(await greetedAs(web.port, { name, protocols: ["http/1.1"] })).toBe("none");
  });

  test("garbage, and hellos that are cut, endless or too large, are closed at once: nobody is dialled, others are served", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const backend = await start("served");
    const web = await serve(under, { backends: [backend], sni: { readTimeout: "30s" } });
    const message = Buffer.concat([Buffer.from([1, 0, 0xff, 0xf0]), Buffer.alloc(70_000)]);
    const bad = [
      Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
      Buffer.alloc(200_000, 0x16),
      inRecords(message, 16_000),
      clientHelloBytes({ ballastBytes: 50_000, recordBytes: 1 }),
      clientHelloBytes({ name: "a.test" }).subarray(0, 50),
    ];
    const answers = await Promise.all(bad.map((bytes) => ask(web.port, bytes)));
    expect(answers).toEqual(bad.map(() => ""));
    expect(backend.accepted).toBe(0);
    await eventually(() => web.status().totals.rejected === bad.length);
    await eventually(() => expect(new Set(reasonsOf(under))).toEqual(new Set(["bad-hello"])));
    expect(await greetedAs(web.port, { name: "a.test" })).toBe("served");

    // Whoever only looks whether the port is open was not turned away.
    expect(await ask(web.port)).toBe("");
    expect(web.status().totals).toMatchObject({ rejected: bad.length, connections: 1 });
  });

  test("F-SNI-12 a backend that a source names with an invalid pattern is left out and told, the others serve", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const [a, b] = [await start("a"), await start("b")];
    const text = `127.0.0.1:${a.port} sni=(\n127.0.0.1:${b.port} sni=^b\n`;
    const pages = await startPages(page(text));
    const port = await freePort();
    const balancer = verified({
      bind: [`127.0.0.1:${port}`],
      discovery: { kind: "plaintext", endpoint: pages.origin },
      sni: { hostnameMatchingStrategy: "regexp" },
    });
    expect(await under.plane.start(balancer)).toMatchObject({ ok: true });
    expect(await greetedAs(port, { name: "b.test" })).toBe("b");
    expect(await greetedAs(port, { name: "a.test" })).toBe("");
    expect(a.accepted).toBe(0);
    await eventually(() => under.ofKind("backend.skipped").length > 0);
    const [told] = under.ofKind("backend.skipped");
    expect(told).toMatchObject({ backend: `127.0.0.1:${a.port}`, balancer: balancer.id });
  });

  test("X-ACL-07 who is denied access is closed before anything it says is waited for", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await plane();
    const backend = await start("served");
    const access = { default: "deny" } as const;
    const sni = { readTimeout: "1h" };
    const web = await serve(under, { backends: [backend], access, sni });
    const client = await openClient(web.port);
    await client.isOver();
    await eventually(() => {
      expect(web.status()).toMatchObject({ openConnections: 0, totals: { rejected: 1 } });
      expect(new Set(reasonsOf(under))).toEqual(new Set(["access-denied"]));
    });
  });
});
