import type { ConnectionOptions } from "node:tls";

import { describe, expect, test } from "vitest";

import { readProxyHeader } from "../../../node-agent/listen/proxy-header.ts";
import { startSecureBackend } from "../../contracts/engine/secure-backend.ts";
import { createTestAuthority } from "../../support/certificate-authority.ts";
import { filesOf, terminating } from "../../support/certificate-files.ts";
import { serve, startPlane, type PlaneUnderTest } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { startRecording } from "../../support/recording-backend.ts";
import { openClient } from "../../support/test-client.ts";
import { openTlsClient } from "../../support/tls-client.ts";

const authority = await createTestAuthority();
const blockBytes = 28;

/** TLS beside SNI routing and PROXY headers. */
describe.for(await bothDrivers())("TLS with the $driver engine", ({ driver, missing }) => {
  const plane = async (): Promise<PlaneUnderTest> =>
    startPlane({ engine: await engineOf(driver), workers: 2 });

  test("X-PRX-05 X-PRX-04 where TLS is terminated, the header tells the client's own address and its TLS", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const files = await filesOf(await authority.issue({ names: ["a.test"] }));
    const web = await serve(await plane(), {
      ...terminating([files]),
      backends: [recording.backend],
      proxyProtocol: { version: "2", tlsDetails: true },
    });

    const client = await openTlsClient(web.port, { servername: "a.test" });
    const port = client.wire.localPort;
    client.send("in clear");
    client.finish();
    await client.isOver();

    const [bytes = Buffer.alloc(0)] = recording.clients;
    const header = readProxyHeader(bytes);
    expect(header).toMatchObject({
      kind: "header",
      peer: { address: "127.0.0.1", port, localPort: web.port },
    });
    const length = header.kind === "header" ? header.length : 0;
    expect(bytes.subarray(blockBytes, length).toString("latin1")).toContain("a.test");
    expect(bytes.subarray(blockBytes, length).toString("latin1")).toContain("TLSv1.3");
    expect(bytes.subarray(length).toString()).toBe("in clear");
  });

  test("X-PRX-04 a client's certificate is told as shown in this connection, and in a resumed session as shown before", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const recording = await startRecording();
    const { protocol, tls } = terminating([
      await filesOf(await authority.issue({ names: ["a.test"] })),
    ]);
    const web = await serve(await plane(), {
      protocol,
      tls: {
        ...tls,
        sessionTickets: true,
        clientAuth: { mode: "verify", authority: { pem: authority.cert } },
      },
      backends: [recording.backend],
      proxyProtocol: { version: "2", tlsDetails: true },
    });
    const certificate = await authority.issue({ commonName: "machine-7" });
    const visit = async (options: ConnectionOptions) => {
      const client = await openTlsClient(web.port, {
        ...{ servername: "a.test", ...certificate },
        ...options,
      });
      const isResumed = client.tls.isSessionReused();
      const session = options.session ?? (await client.session());
      client.finish();
      await client.isOver();
      return { session, isResumed };
    };

    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const before = recording.clients.length;
      const first = await visit({ maxVersion });
      const again = await visit({ maxVersion, session: first.session });

      expect([first.isResumed, again.isResumed]).toEqual([false, true]);
      const [full, resumed] = recording.clients.slice(before).map(tlsPartOf);
      // The bits, and that the certificate is verified.
      expect(full?.subarray(0, 5).toString("hex")).toBe("0700000000");
      expect(resumed?.subarray(0, 5).toString("hex")).toBe("0500000000");
      expect(resumed?.toString("latin1")).toContain("machine-7");
    }
  });

  test("X-PRX-07 with beforeTls the header goes in clear before the backend's handshake, otherwise inside of it", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const pair = await authority.issue({ names: ["127.0.0.1"] });
    const inClear = await startSecureBackend(pair, { header: "h".repeat(blockBytes) });
    const inside = await startSecureBackend(pair);
    const backendTls = { rootCa: { pem: authority.cert } };
    const under = await plane();
    const web = await serve(under, {
      backends: [inClear],
      backendTls,
      proxyProtocol: { version: "2", beforeTls: true },
    });

    const first = await openClient(web.port);
    await eventually(() => first.text() !== "");
    first.send("one");
    await eventually(() => inClear.heard() === "one");

    await web.update({ backends: [inside], backendTls, proxyProtocol: { version: "2" } });
    const second = await openClient(web.port);
    second.send("two");
    await eventually(() => inside.heard().length === blockBytes + "two".length);
    const heard = Buffer.from(inside.heard(), "latin1");
    expect(readProxyHeader(heard)).toMatchObject({ kind: "header", length: blockBytes });
    expect(heard.subarray(blockBytes).toString()).toBe("two");
  });

  test("F-SNI-08 where TLS is terminated, backends are elected by the name that was asked for", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const files = await filesOf(await authority.issue({ names: ["*.test"] }));
    const [a, b, none] = [
      await startBackend(greet("a")),
      await startBackend(greet("b")),
      await startBackend(greet("none")),
    ];
    const web = await serve(await plane(), {
      ...terminating([files]),
      backends: [{ ...a, sni: "a.test" }, { ...b, sni: "b.test" }, none],
      sni: {},
    });
    const greetingOf = async (servername: string): Promise<string> => {
      const client = await openTlsClient(web.port, { servername });
      await client.isOver();
      return client.text();
    };

    expect(await greetingOf("a.test")).toBe("a");
    expect(await greetingOf("B.test")).toBe("b");
    expect(await greetingOf("c.test")).toBe("none");
    expect([a, b, none].map(({ accepted }) => accepted)).toEqual([1, 1, 1]);
  });

  test("X-SNI-19 where TLS is terminated, the protocol that was agreed on decides, not what was offered", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const [h2, http1, any] = [
      await startBackend(greet("h2")),
      await startBackend(greet("http/1.1")),
      await startBackend(greet("any")),
    ];
    const forH2 = { ...h2, sni: "a.test", alpn: ["h2"] };
    const forHttp1 = { ...http1, sni: "a.test", alpn: ["http/1.1"] };
    const forAny = { ...any, sni: "a.test" };
    const { protocol, tls } = terminating([
      await filesOf(await authority.issue({ names: ["a.test"] })),
    ]);
    const agreeingOn = (alpn?: string[]) => ({
      ...{ protocol, sni: {} },
      tls: { ...tls, ...(alpn && { alpn }) },
    });
    const web = await serve(await plane(), {
      ...agreeingOn(["http/1.1"]),
      backends: [forH2, forHttp1],
    });
    const greetingOf = async (...offered: string[]): Promise<string> => {
      const protocols = offered.length === 0 ? {} : { ALPNProtocols: offered };
      const client = await openTlsClient(web.port, { servername: "a.test", ...protocols });
      await client.isOver();
      return client.text();
    };

    expect(await greetingOf("h2", "http/1.1")).toBe("http/1.1");
    // Nothing was agreed on, and both backends are for clients that have.
    expect(await greetingOf()).toBe("");

    await web.update({ ...agreeingOn(["http/1.1", "h2"]), backends: [forH2, forHttp1, forAny] });
    expect(await greetingOf("h2", "http/1.1")).toBe("http/1.1");
    expect(await greetingOf("h2")).toBe("h2");
    expect(await greetingOf()).toBe("any");

    await web.update({ ...agreeingOn(["h2", "spdy/3"]), backends: [forH2, forHttp1, forAny] });
    expect(await greetingOf("http/1.1", "spdy/3")).toBe("any");

    await web.update({ ...agreeingOn(), backends: [forH2, forHttp1, forAny] });
    expect(await greetingOf("h2", "http/1.1")).toBe("any");
  });
});

/** What a header of version 2 tells of TLS. */
function tlsPartOf(header: Buffer): Buffer | undefined {
  const end = 16 + header.readUInt16BE(14);
  for (let at = blockBytes; at < end;) {
    const next = at + 3 + header.readUInt16BE(at + 1);
    if (header[at] === 0x20) return header.subarray(at + 3, next);
    at = next;
  }
  return undefined;
}
