import { createPrivateKey } from "node:crypto";
import { writeFile } from "node:fs/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import type { BalancerInput } from "#shared/definition/balancer.ts";

import type { StoredCertificate } from "../../../node-agent/certificates/stored-certificates.ts";
import { AccessLog } from "../../../node-agent/runtime/access-log.ts";
import { startSecureBackend } from "../../contracts/engine/secure-backend.ts";
import { createTestAuthority } from "../../support/certificate-authority.ts";
import { filesOf, terminating } from "../../support/certificate-files.ts";
import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { openTlsClient, type TlsTestClient } from "../../support/tls-client.ts";

const engines = await Promise.all(
  (await bothDrivers())
    .filter(({ missing }) => missing === undefined)
    .map(({ driver }) => engineOf(driver)),
);
const authority = await createTestAuthority();

describe.for(engines)("with the $driver engine", (engine) => {
  test("F-TLS-01 X-TLS-12 a balancer terminates TLS: the backend is dialled after the handshake, and hears plain bytes", async () => {
    const under = await startPlane({ engine, workers: 2 });
    const backend = await startBackend(echo);
    const files = await filesOf(await authority.issue({ names: ["a.test"] }));
    const web = await serve(under, { ...terminating([files]), backends: [backend] });

    const silent = await openClient(web.port);
    await eventually(() => web.status().openConnections === 1);
    expect(backend.accepted).toBe(0);
    silent.socket.destroy();
    const client = await openTlsClient(web.port, {
      servername: "a.test",
      ca: authority.cert,
      rejectUnauthorized: true,
    });
    client.send("plain?");
    client.finish();
    await client.isOver();

    expect(client.text()).toBe("plain?");
    expect(backend.accepted).toBe(1);
    await eventually(() => web.status().totals.rejected === 1);
    await eventually(() => under.ofKind("clients.turned-away").length === 1);
    expect(under.ofKind("clients.turned-away")).toMatchObject([
      { reason: "handshake-failed", detail: "ended" },
    ]);
  });

  test("F-TLS-11 a pair that cannot be read, or does not fit, is a create error with its pointer", async () => {
    const { plane } = await startPlane({ engine });
    const good = await filesOf(await authority.issue({ names: ["a.test"] }));
    const other = await filesOf(await authority.issue({ names: ["a.test"] }));
    const outcomeOf = async (certPath: string, keyPath: string): Promise<unknown> =>
      plane.start(
        verified({
          bind: [`127.0.0.1:${await freePort()}`],
          ...terminating([good, { certPath, keyPath }]),
        }),
      );
    const problem = (code: string) => ({
      ok: false,
      problems: [{ pointer: "/tls/certificates/1", code }],
    });

    expect(await outcomeOf("/nowhere/cert.pem", good.keyPath)).toMatchObject(problem("bad-file"));
    expect(await outcomeOf(good.certPath, "/nowhere/key.pem")).toMatchObject(problem("bad-file"));
    expect(await outcomeOf(good.keyPath, good.keyPath)).toMatchObject(problem("bad-certificate"));
    expect(await outcomeOf(good.certPath, other.keyPath)).toMatchObject(problem("bad-certificate"));
    const over = await filesOf(await authority.issue({ names: ["a.test"], validDays: [-9, -2] }));
    expect(await outcomeOf(over.certPath, over.keyPath)).toMatchObject(problem("expired"));
    expect(plane.status()).toEqual([]);
  });

  test("X-TLS-13 authorities that cannot be parsed are refused with their pointer", async () => {
    const { plane } = await startPlane({ engine });
    const files = await filesOf(await authority.issue({ names: ["a.test"] }));
    const outcome = await plane.start(
      verified({
        bind: [`127.0.0.1:${await freePort()}`],
        protocol: "tls",
        tls: {
          certificates: [{ files }],
          clientAuth: { mode: "verify", authority: { pem: "no certificate" } },
        },
        backendTls: { rootCa: { pem: "none either" } },
      }),
    );

    expect(outcome).toMatchObject({
      problems: [
        { pointer: "/tls/clientAuth/authority", code: "bad-authority" },
        { pointer: "/backendTls/rootCa", code: "bad-authority" },
      ],
    });
  });

  test("X-TLS-18 a key that is encrypted is opened with its pass-phrase, and not without", async () => {
    const under = await startPlane({ engine });
    const { cert, key } = await authority.issue({ names: ["a.test"] });
    const encrypted = createPrivateKey(key).export({
      ...{ format: "pem", type: "pkcs8" },
      ...{ cipher: "aes-256-cbc", passphrase: "open sesame" },
    });
    const files = await filesOf({ cert, key: String(encrypted) });
    const backend = await startBackend(greet("hello"));
    const start = (passphrase?: string) =>
      serve(under, {
        ...terminating([passphrase === undefined ? files : { ...files, passphrase }]),
        backends: [backend],
      });

    await expect(start()).rejects.toThrow("the key cannot be read");
    await expect(start("wrong")).rejects.toThrow("the key cannot be read");
    const web = await start("open sesame");
    expect(await greetingFor(web.port, "a.test")).toBe("hello");
  });

  test("X-TLS-14 X-TLS-15 renewed files reach new handshakes, connections stay, and one that cannot be used is told", async () => {
    const under = await startPlane({ engine, workers: 2 });
    const backend = await startBackend(echo);
    const folder = await temporaryFolder(onTestFinished);
    const first = await filesOf(await authority.issue({ names: ["a.test"] }), folder);
    const second = await filesOf(await authority.issue({ names: ["b.test"] }));
    const web = await serve(under, { ...terminating([first, second]), backends: [backend] });
    const open = await openTlsClient(web.port, { servername: "b.test" });
    expect(shown(open)).toBe("DNS:b.test");
    const before = shown(await openTlsClient(web.port, { servername: "elsewhere.test" }));
    expect(before).toBe("DNS:a.test");

    await writeFile(first.keyPath, "half a key");
    await eventually(() => under.ofKind("certificates.failed").length === 1);
    expect(shown(await openTlsClient(web.port))).toBe("DNS:a.test");

    await filesOf(await authority.issue({ names: ["renewed.test"] }), folder);
    await eventually(() => under.ofKind("certificates.reloaded").length > 0);
    await eventually(async () => shown(await openTlsClient(web.port)) === "DNS:renewed.test");
    open.send("still here");
    await eventually(() => open.text() === "still here");
  });

  test("X-TLS-15 of two certificates for the same names each client gets the one that it takes, or the status says that it does not", async () => {
    const under = await startPlane({ engine });
    const backend = await startBackend(echo);
    const files = await Promise.all([
      filesOf(await authority.issue({ names: ["a.test"] })),
      filesOf(await authority.issue({ names: ["b.test"] })),
      filesOf(await authority.issue({ names: ["a.test"], key: "rsa" })),
    ]);
    const web = await serve(under, { ...terminating(files), backends: [backend] });
    const takes = async (kind: "ECDSA" | "RSA"): Promise<boolean> => {
      const client = await openTlsClient(web.port, {
        servername: "a.test",
        maxVersion: "TLSv1.2",
        ciphers: `ECDHE-${kind}-AES128-GCM-SHA256`,
      });
      return client.isSecure;
    };

    const isShown = engine.driver === "native";
    expect([await takes("ECDSA"), await takes("RSA")]).toEqual([true, isShown]);
    expect(web.status().certificates.problems).toMatchObject(
      isShown ? [] : [{ pointer: "/tls/certificates/2", code: "not-shown" }],
    );
  });

  test("a certificate of the control plane is shown, and a renewed one as soon as it comes", async () => {
    const kept = new Map<string, StoredCertificate>();
    const listeners = new Set<(ids: ReadonlySet<string>) => void>();
    const under = await startPlane({
      engine,
      storedCertificates: {
        get: (id) => kept.get(id),
        onChange: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
    });
    const keep = async (name: string): Promise<void> => {
      const { cert, key } = await authority.issue({ names: [name] });
      kept.set("crt_1", { certificatePem: cert, keyPem: key });
      for (const listener of listeners) listener(new Set(["crt_1"]));
    };
    const given: Partial<BalancerInput> = {
      protocol: "tls",
      tls: { certificates: [{ certificate: "crt_1" }] },
    };
    const backend = await startBackend(greet("hello"));

    await expect(serve(under, { ...given, backends: [backend] })).rejects.toThrow("crt_1");
    await keep("old.test");
    const web = await serve(under, { ...given, backends: [backend] });
    expect(shown(await openTlsClient(web.port))).toBe("DNS:old.test");
    await keep("new.test");
    await eventually(async () => shown(await openTlsClient(web.port)) === "DNS:new.test");
  });

  test("F-TLS-09 sessions are resumed by every worker where tickets are on, and nowhere else", async () => {
    const under = await startPlane({ engine, workers: 3 });
    const backend = await startBackend(greet("hello"));
    const files = await filesOf(await authority.issue({ names: ["a.test"] }));
    for (const sessionTickets of [true, false]) {
      const { tls } = terminating([files]);
      const web = await serve(under, {
        protocol: "tls",
        tls: { ...tls, sessionTickets },
        backends: [backend],
      });
      const first = await openTlsClient(web.port, { servername: "a.test" });
      await first.isOver();
      // All has arrived by now. Where nothing can be resumed, an engine need not give any session.
      const session = first.givenSession;
      if (sessionTickets) expect(session).toBeDefined();
      for (let round = 0; round < 20; round += 1) {
        const again = await openTlsClient(web.port, {
          servername: "a.test",
          ...(session && { session }),
        });
        expect(again.tls.isSessionReused()).toBe(sessionTickets);
      }
    }
  });

  test("F-TLS-02 F-TLS-10 X-TLS-17 backends are verified for their host, or for the name that is given instead", async () => {
    const under = await startPlane({ engine });
    const rootCa = { pem: authority.cert };
    const named = await startSecureBackend(await authority.issue({ names: ["b.test"] }));
    const byAddress = await startSecureBackend(await authority.issue({ names: ["127.0.0.1"] }));
    const askThrough = async (
      backend: { readonly host: string; readonly port: number },
      backendTls: NonNullable<BalancerInput["backendTls"]>,
    ): Promise<string> => {
      const web = await serve(under, { backendTls, backends: [backend] });
      const answer = await ask(web.port);
      const name = `127.0.0.1:${backend.port}`;
      if (answer === "") await eventually(() => web.backend(name).totals.refused > 0);
      return answer;
    };

    expect(await askThrough(byAddress, { rootCa })).toBe("hello");
    expect(await askThrough(named, { rootCa })).toBe("");
    expect(await askThrough(named, { rootCa, serverName: "b.test" })).toBe("hello");
    expect(named.names).toEqual(["b.test"]);
    // Not signed by anybody whom this host trusts.
    expect(await askThrough(byAddress, {})).toBe("");
    expect(await askThrough(named, { ignoreVerify: true })).toBe("hello");
    await eventually(() => under.ofKind("dials.failed").length === 2);
    expect(under.ofKind("dials.failed").map(({ code }) => code)).toEqual([
      "tls-name-mismatch",
      "tls-untrusted",
    ]);
  });

  test("F-TLS-03 F-TLS-05 X-TLS-16 TLS on both sides, each with a certificate of its client, and the log says what was agreed on", async () => {
    const lines: string[] = [];
    const accessLog = new AccessLog({ write: (text) => lines.push(text) > 0 });
    const under = await startPlane({ engine, accessLog });
    const pair = await authority.issue({ commonName: "the balancer" });
    const certificate = await authority.issue({ names: ["127.0.0.1"] });
    const backend = await startSecureBackend(certificate, {
      ...{ requestCert: true, rejectUnauthorized: true, ca: authority.cert },
      ALPNProtocols: ["h2", "http/1.1"],
    });
    const files = await filesOf(await authority.issue({ names: ["a.test"] }));
    const web = await serve(under, {
      protocol: "tls",
      tls: {
        certificates: [{ files }],
        alpn: ["h2", "http/1.1"],
        clientAuth: { mode: "verify", authority: { pem: authority.cert } },
      },
      backendTls: {
        rootCa: { pem: authority.cert },
        clientCertificate: { pem: { certificate: pair.cert, key: pair.key } },
        alpn: ["h2", "http/1.1"],
      },
      accessLog: {},
      backends: [backend],
    });

    const stranger = await openTlsClient(web.port);
    await stranger.isOver();
    const client = await openTlsClient(web.port, {
      ...(await authority.issue({ commonName: "a client" })),
      ...{ servername: "a.test", ALPNProtocols: ["http/1.1"] },
    });
    await client.isOver();
    client.finish();

    expect([stranger.text(), client.text()]).toEqual(["", "hello"]);
    expect(backend.clients).toEqual(["the balancer"]);
    expect(backend.protocols).toEqual(["http/1.1"]);
    await eventually(() => lines.join("").split("\n").length === 3);
    const logged: unknown[] = lines
      .join("")
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    // Who was refused may be given a moment to hear why.
    expect(logged).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          reason: "handshake-failed",
          tlsFailure: "no-certificate",
          backend: null,
        }),
        expect.objectContaining({
          ...{ tlsVersion: "TLSv1.3", tlsName: "a.test", tlsProtocol: "http/1.1" },
          ...{ tlsClient: "a client", tlsResumed: false },
        }),
      ]),
    );
  });
});

function shown(client: TlsTestClient): string | undefined {
  return client.tls.getPeerX509Certificate()?.subjectAltName;
}

async function greetingFor(port: number, servername: string): Promise<string> {
  const client = await openTlsClient(port, { servername });
  await client.isOver();
  return client.text();
}
