import { expect, test } from "vitest";

import { createTestAuthority } from "../../support/certificate-authority.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend } from "../../support/fake-backend.ts";
import { openClient } from "../../support/test-client.ts";
import { openTlsClient } from "../../support/tls-client.ts";
import type { EngineSubject, Relay } from "./relay-rig.ts";
import { startSecureBackend } from "./secure-backend.ts";
import {
  backendTerms,
  backendTls,
  clientTerms,
  identityFor,
  mustSet,
  pairOf,
  startTlsRelay,
  testAuthority,
  usualHandshake,
  type TlsRelayOptions,
} from "./tls-rig.ts";

/** TLS with backends. */
export function tlsDialCases(subject: EngineSubject): void {
  test("F-TLS-02 F-TLS-10 a backend is verified against the authorities, for the name that was given", async () => {
    const authority = await testAuthority();
    const names = ["b.test", "127.0.0.1", "*.wild.test"];
    const backend = await startSecureBackend(await authority.issue({ names }));
    const dialled = (verifyName: string, serverName = ""): Promise<string> =>
      outcomeOf(subject, backend, { authoritiesPem: authority.cert }, { verifyName, serverName });

    expect(await dialled("127.0.0.1")).toBe("hello");
    expect(await dialled("b.test", "b.test")).toBe("hello");
    expect(await dialled("any.wild.test")).toBe("hello");
    expect(await dialled("two.levels.wild.test")).toBe("tls-name-mismatch");
    expect(await dialled("c.test")).toBe("tls-name-mismatch");
    expect(await dialled("127.0.0.2")).toBe("tls-name-mismatch");
    expect(backend.names).toEqual(["b.test"]);
  });

  test("F-TLS-10 a common name is no name of a backend", async () => {
    const authority = await testAuthority();
    const backend = await startSecureBackend(await authority.issue({ commonName: "b.test" }));

    const terms = { authoritiesPem: authority.cert };
    expect(await outcomeOf(subject, backend, terms, { verifyName: "b.test" })).toBe(
      "tls-name-mismatch",
    );
  });

  test("F-TLS-06 a backend that is not trusted, or not valid now, is a failed dial that says so", async () => {
    const authority = await testAuthority();
    const stranger = await createTestAuthority("a stranger");
    const terms = { authoritiesPem: authority.cert };
    const names = ["127.0.0.1"];

    const foreign = await startSecureBackend(await stranger.issue({ names }));
    expect(await outcomeOf(subject, foreign, terms)).toBe("tls-untrusted");
    expect(await outcomeOf(subject, foreign, {})).toBe("tls-untrusted");
    const expired = await startSecureBackend(await authority.issue({ names, validDays: [-9, -2] }));
    expect(await outcomeOf(subject, expired, terms)).toBe("tls-expired");
    const early = await startSecureBackend(await authority.issue({ names, validDays: [2, 9] }));
    expect(await outcomeOf(subject, early, terms)).toBe("tls-expired");
    const plain = await startBackend(greet("220 plain text\r\n"));
    expect(await outcomeOf(subject, plain, terms)).toBe("tls-not-tls");
    const gone = await startBackend((socket) => socket.end());
    expect(await outcomeOf(subject, gone, terms)).toBe("tls-ended");
  });

  test("F-TLS-04 without verification anybody is taken", async () => {
    const stranger = await createTestAuthority("a stranger");
    const backend = await startSecureBackend(await stranger.issue({ names: ["elsewhere.test"] }));

    expect(await outcomeOf(subject, backend, { verify: true })).toBe("tls-untrusted");
    expect(await outcomeOf(subject, backend, { verify: false })).toBe("hello");
  });

  test("F-TLS-05 a backend that requires a certificate takes the pair that is given", async () => {
    const authority = await testAuthority();
    const certificate = await authority.issue({ names: ["127.0.0.1"] });
    const demanding = { requestCert: true, rejectUnauthorized: true, ca: authority.cert };
    const backend = await startSecureBackend(certificate, { ...demanding, maxVersion: "TLSv1.2" });
    const newer = await startSecureBackend(certificate, demanding);
    const pair = pairOf(await authority.issue({ commonName: "the balancer" }));
    const terms = { authoritiesPem: authority.cert };

    expect(await outcomeOf(subject, backend, terms)).toBe("tls-alert");
    expect(await outcomeOf(subject, backend, { ...terms, pair })).toBe("hello");
    expect(await outcomeOf(subject, newer, { ...terms, pair })).toBe("hello");
    expect(backend.clients.concat(newer.clients)).toEqual(["the balancer", "the balancer"]);
  });

  test("F-TLS-07 F-TLS-08 versions and suites bound what is agreed on with backends, too", async () => {
    const certificate = await (await testAuthority()).issue({ names: ["127.0.0.1"] });
    const old = await startSecureBackend(certificate, { maxVersion: "TLSv1.2" });
    const terms = (handshake: Partial<typeof usualHandshake>) => ({
      verify: false,
      handshake: { ...usualHandshake, ...handshake },
    });

    expect(await outcomeOf(subject, old, terms({ minVersion: "TLSv1.3" }))).toMatch(
      /^tls-(alert|no-shared-version)$/,
    );
    expect(await outcomeOf(subject, old, terms({ maxVersion: "TLSv1.2" }))).toBe("hello");
    const cipherList = "ECDHE-ECDSA-AES256-GCM-SHA384";
    expect(await outcomeOf(subject, old, terms({ cipherList }))).toBe("hello");
    expect(old.ciphers.at(-1)).toBe(cipherList);
  });

  test("F-TLS-03 a TLS client talks to a TLS backend", async () => {
    const authority = await testAuthority();
    const backend = await startSecureBackend(await authority.issue({ names: ["127.0.0.1"] }));
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [await identityFor(["a.test"])] }),
      backend: backendTerms({ authoritiesPem: authority.cert }),
    });

    const client = await openTlsClient(relay.port, { servername: "a.test" });
    await client.isOver();

    expect(client.text()).toBe("hello");
    expect(client.tls.getPeerX509Certificate()?.subjectAltName).toBe("DNS:a.test");
  });

  test("protocols are offered to the backend, and one that takes none is no failure", async () => {
    const certificate = await (await testAuthority()).issue({ names: ["127.0.0.1"] });
    const speaking = await startSecureBackend(certificate, { ALPNProtocols: ["h2"] });
    const deaf = await startSecureBackend(certificate);

    for (const backend of [speaking, deaf]) {
      const outcome = outcomeOf(subject, backend, { verify: false }, { alpn: ["h2", "http/1.1"] });
      expect(await outcome).toBe("hello");
    }
    expect([speaking.protocols, deaf.protocols]).toEqual([["h2"], [false]]);
  });

  test.for(["inside", "before"] as const)(
    "X-PRX-07 what is sent first goes %s, as it is asked",
    async (where) => {
      const certificate = await (await testAuthority()).issue({ names: ["127.0.0.1"] });
      const header = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
      const backend = await startSecureBackend(certificate, where === "before" ? { header } : {});
      const relay = await startTlsRelay(subject, {
        target: backend,
        backend: backendTerms({ verify: false }),
        connect: { prefix: where },
        prefix: Buffer.from(header),
      });

      const client = await openClient(relay.port);
      client.send("then this");
      client.finish();
      await client.isOver();

      expect(client.text()).toBe("hello");
      const heard = where === "inside" ? `${header}then this` : "then this";
      await eventually(() => backend.heard() === heard);
      expect(await relay.closed(1)).toMatchObject([{ txBytes: "then this".length }]);
    },
  );

  test("F-TLS-09 a backend's session is resumed only where that is asked for", async () => {
    const certificate = await (await testAuthority()).issue({ names: ["127.0.0.1"] });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const resumes of [true, false]) {
        const backend = await startSecureBackend(certificate, { maxVersion });
        const relay = await startTlsRelay(subject, {
          target: backend,
          backend: backendTerms({ verify: false, resumes }),
        });
        for (let count = 0; count <= subject.engines * 8; count += 1) await greeted(relay);
        expect(backend.resumed.includes(true)).toBe(resumes);
      }
    }
  });

  test("a backend that says nothing fails at the connect timeout", async () => {
    const backend = await startBackend(silent);
    const relay = await startTlsRelay(subject, {
      target: backend,
      backend: backendTerms({ verify: false }),
      connectTimeoutMs: 200,
    });
    const client = await openClient(relay.port);

    await client.isOver();
    expect(relay.ofKind("failed")).toMatchObject([{ code: "ETIMEDOUT", mayRetry: true }]);
    await eventually(() => backend.sockets.size === 0);
  });

  test("unknown terms fail the dial; terms that are replaced or forgotten serve whom they have", async () => {
    const authority = await testAuthority();
    const backend = await startSecureBackend(await authority.issue({ names: ["127.0.0.1"] }));
    const relay = await startTlsRelay(subject, {
      target: backend,
      backend: backendTerms({ authoritiesPem: authority.cert }),
    });
    await greeted(relay);
    for (const engine of relay.engines) mustSet(engine.setBackendTls(backendTls, backendTerms({})));
    expect(await failedDial(relay)).toBe("tls-untrusted");
    for (const engine of relay.engines) engine.forgetTls(backendTls);
    expect(await failedDial(relay)).toBe("EINVAL");
  });
}

/** What a client gets through the engine: the backend's greeting, or the code of the failed dial. */
async function outcomeOf(
  subject: EngineSubject,
  target: { readonly host: string; readonly port: number },
  backend: Parameters<typeof backendTerms>[0],
  connect: TlsRelayOptions["connect"] = {},
): Promise<string> {
  const relay = await startTlsRelay(subject, { target, backend: backendTerms(backend), connect });
  const client = await openClient(relay.port);
  await client.isOver();
  client.finish();
  const [failed] = relay.ofKind("failed");
  if (failed !== undefined) expect(failed.mayRetry).toBe(true);
  return failed?.code ?? client.text();
}

async function greeted(relay: Relay): Promise<void> {
  const client = await openClient(relay.port);
  await client.isOver();
  client.finish();
  expect(client.text()).toBe("hello");
}

async function failedDial(relay: Relay): Promise<string | undefined> {
  const before = relay.ofKind("failed").length;
  const client = await openClient(relay.port);
  await client.isOver();
  return relay.ofKind("failed")[before]?.code;
}
