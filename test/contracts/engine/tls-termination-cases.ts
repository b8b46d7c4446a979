import { randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { echo, silent, startBackend } from "../../support/fake-backend.ts";
import { openTlsClient } from "../../support/tls-client.ts";
import type { EngineSubject } from "./relay-rig.ts";
import {
  clientTerms,
  clientTls,
  identityFor,
  pairOf,
  setAll,
  startTlsRelay,
  testAuthority,
  usualHandshake,
} from "./tls-rig.ts";

/** TLS with clients: what is agreed on, and who is shown. */
export function tlsTerminationCases(subject: EngineSubject): void {
  test("F-TLS-01 a TLS client talks to a plain backend, which hears what it said in clear", async () => {
    const backend = await startBackend(echo);
    const identity = await identityFor(["a.test"]);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities: [identity] }),
    });
    const { cert } = await testAuthority();

    const client = await openTlsClient(relay.port, {
      servername: "a.test",
      ca: cert,
      rejectUnauthorized: true,
    });
    client.send("who is there?");
    client.finish();
    await client.isOver();

    expect(client.text()).toBe("who is there?");
    expect(relay.ofKind("secured")).toMatchObject([
      {
        tls: {
          serverName: "a.test",
          alpn: "",
          version: "TLSv1.3",
          cipher: "TLS_AES_256_GCM_SHA384",
          client: undefined,
          isResumed: false,
        },
      },
    ]);
    expect(await relay.closed(1)).toMatchObject([
      { reason: "client-closed", rxBytes: 13, txBytes: 13 },
    ]);
  });

  test("X-TLS-15 the certificate is chosen by the name that is asked for, with a default", async () => {
    const backend = await startBackend(silent);
    const identities = [
      await identityFor(["first.test"]),
      await identityFor(["second.test", "also.second.test"]),
      await identityFor(["*.wild.test"]),
      await identityFor(["exact.wild.test"]),
    ];
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities }),
    });
    const shownFor = async (servername: string): Promise<string | undefined> => {
      const client = await openTlsClient(relay.port, servername === "" ? {} : { servername });
      return client.tls.getPeerX509Certificate()?.subjectAltName;
    };

    expect(await shownFor("second.test")).toBe("DNS:second.test, DNS:also.second.test");
    expect(await shownFor("also.SECOND.test")).toBe("DNS:second.test, DNS:also.second.test");
    expect(await shownFor("any.wild.test")).toBe("DNS:*.wild.test");
    expect(await shownFor("exact.wild.test")).toBe("DNS:exact.wild.test");
    expect(await shownFor("two.levels.wild.test")).toBe("DNS:first.test");
    expect(await shownFor("wild.test")).toBe("DNS:first.test");
    expect(await shownFor("unknown.test")).toBe("DNS:first.test");
    expect(await shownFor("")).toBe("DNS:first.test");
  });

  test("X-TLS-15 an identity with keys of two types shows each client the one that it takes", async () => {
    const backend = await startBackend(silent);
    const authority = await testAuthority();
    const [ec, rsa] = await Promise.all([
      authority.issue({ names: ["a.test"], commonName: "ec" }),
      authority.issue({ names: ["a.test"], commonName: "rsa", key: "rsa" }),
    ]);
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({
        identities: [{ pairs: [pairOf(ec), pairOf(rsa)], names: ["a.test"] }],
      }),
    });
    const shownTo = async (kind: "ECDSA" | "RSA"): Promise<string | undefined> => {
      const client = await openTlsClient(relay.port, {
        maxVersion: "TLSv1.2",
        ciphers: `ECDHE-${kind}-AES128-GCM-SHA256`,
      });
      return client.tls.getPeerX509Certificate()?.subject;
    };

    expect(await shownTo("ECDSA")).toBe("CN=ec");
    expect(await shownTo("RSA")).toBe("CN=rsa");
  });

  test("X-TLS-15 keys of other types do not make one identity stand for another", async () => {
    const backend = await startBackend(silent);
    const identities = [
      await identityFor(["ec.test"]),
      await identityFor(["rsa.test"], { key: "rsa" }),
    ];
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities }),
    });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const servername of ["ec.test", "rsa.test"]) {
        const client = await openTlsClient(relay.port, { servername, maxVersion });
        expect(client.tls.getPeerX509Certificate()?.subjectAltName).toBe(`DNS:${servername}`);
      }
    }
  });

  test("F-TLS-07 handshakes within the versions succeed, outside of them they fail", async () => {
    const backend = await startBackend(silent);
    const identities = [await identityFor(["a.test"])];
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities }),
    });
    const agreed = async (version: "TLSv1.2" | "TLSv1.3"): Promise<boolean> =>
      (await openTlsClient(relay.port, { minVersion: version, maxVersion: version })).isSecure;

    for (const only of ["TLSv1.2", "TLSv1.3"] as const) {
      const handshake = { ...usualHandshake, minVersion: only, maxVersion: only };
      setAll(relay, clientTerms({ identities, handshake }));
      expect([await agreed("TLSv1.2"), await agreed("TLSv1.3")]).toEqual([
        only === "TLSv1.2",
        only === "TLSv1.3",
      ]);
    }
    const failed = (await relay.closed(2)).filter(({ reason }) => reason === "handshake-failed");
    expect(failed.map(({ tlsFailure }) => tlsFailure)).toEqual([
      "no-shared-version",
      "no-shared-version",
    ]);
  });

  test("F-TLS-08 only listed suites are agreed on, ours first", async () => {
    const backend = await startBackend(silent);
    const identities = [await identityFor(["a.test"])];
    const handshake = {
      ...usualHandshake,
      cipherList: "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
      cipherSuites: "TLS_AES_128_GCM_SHA256",
    };
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities, handshake }),
    });
    const agreed = async (version: "TLSv1.2" | "TLSv1.3", ciphers: string): Promise<string> => {
      const client = await openTlsClient(relay.port, {
        minVersion: version,
        maxVersion: version,
        ciphers,
      });
      return client.isSecure ? client.tls.getCipher().name : "none";
    };

    const [aes128, aes256] = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"];
    expect(await agreed("TLSv1.2", `${aes128}:${aes256}`)).toBe(aes256);
    expect(await agreed("TLSv1.2", aes128)).toBe(aes128);
    expect(await agreed("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")).toBe("none");
    expect(await agreed("TLSv1.3", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")).toBe(
      "TLS_AES_128_GCM_SHA256",
    );
    expect(await agreed("TLSv1.3", "TLS_AES_256_GCM_SHA384")).toBe("none");
    const failed = (await relay.closed(2)).filter(({ reason }) => reason === "handshake-failed");
    expect(failed.map(({ tlsFailure }) => tlsFailure)).toEqual([
      "no-shared-cipher",
      "no-shared-cipher",
    ]);
  });

  test("a client without a group of ours is refused as one without a suite", async () => {
    const identities = [await identityFor(["a.test"])];
    const handshake = { ...usualHandshake, groups: "P-384" };
    const relay = await startTlsRelay(subject, { client: clientTerms({ identities, handshake }) });

    expect((await openTlsClient(relay.port, { ecdhCurve: "X25519" })).isSecure).toBe(false);
    expect((await openTlsClient(relay.port, { ecdhCurve: "P-384" })).isSecure).toBe(true);
    expect(await relay.closed(1)).toMatchObject([{ tlsFailure: "no-shared-cipher" }]);
  });

  test("protocols are agreed on by our preference; without a common one there is no handshake", async () => {
    const backend = await startBackend(silent);
    const identities = [await identityFor(["a.test"])];
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities, alpn: ["h2", "http/1.1"] }),
    });
    const agreed = async (...ALPNProtocols: string[]): Promise<unknown> => {
      const client = await openTlsClient(relay.port, { ALPNProtocols });
      return client.isSecure ? client.tls.alpnProtocol : "refused";
    };

    expect(await agreed("http/1.1", "h2")).toBe("h2");
    expect(await agreed("http/1.1")).toBe("http/1.1");
    expect(await agreed("spdy/3")).toBe("refused");
    expect((await openTlsClient(relay.port)).isSecure).toBe(true);
    await eventually(() => relay.ofKind("secured").length === 3);
    expect(relay.ofKind("secured").map(({ tls }) => tls.alpn)).toEqual(["h2", "http/1.1", ""]);
    const failed = (await relay.closed(1)).find(({ reason }) => reason === "handshake-failed");
    expect(failed).toMatchObject({ tlsFailure: "no-shared-alpn" });

    setAll(relay, clientTerms({ identities }));
    expect(await agreed("h2")).toBe(false);
  });

  test("terms that cannot work are refused with what is wrong, and those before stay", async () => {
    const identity = await identityFor(["a.test"]);
    const other = await identityFor(["a.test"]);
    const [pair, otherPair] = [identity.pairs[0], other.pairs[0]];
    if (pair === undefined || otherPair === undefined) throw new Error("no pair");
    const relay = await startTlsRelay(subject, { client: clientTerms({ identities: [identity] }) });
    const [engine] = relay.engines;
    const withPair = (changed: Partial<typeof pair>) =>
      engine?.setClientTls(
        clientTls,
        clientTerms({ identities: [{ pairs: [{ ...pair, ...changed }], names: [] }] }),
      );

    expect(withPair({ certificatePem: "nothing" })).toMatchObject({ code: "bad-certificate" });
    expect(withPair({ keyPem: "nothing" })).toMatchObject({ code: "bad-key" });
    expect(withPair({ keyPem: otherPair.keyPem })).toMatchObject({ code: "key-mismatch" });
    const refused = (terms: Partial<Parameters<typeof clientTerms>[0]>) =>
      engine?.setClientTls(clientTls, clientTerms({ identities: [identity], ...terms }));
    expect(
      refused({ handshake: { ...usualHandshake, cipherList: "NO-SUCH-SUITE" } }),
    ).toMatchObject({ code: "bad-handshake" });
    expect(refused({ handshake: { ...usualHandshake, groups: "no-such-group" } })).toMatchObject({
      code: "bad-handshake",
    });
    expect(
      refused({ clientAuth: { mode: "verify", authoritiesPem: "no certificate" } }),
    ).toMatchObject({ code: "bad-authorities" });
    expect(refused({ alpn: ["x".repeat(256)] })).toMatchObject({ code: "bad-alpn" });
    expect(refused({ ticketKeys: [randomBytes(47)] })).toMatchObject({ code: "bad-ticket-key" });
    expect(refused({ identities: [] })).toMatchObject({ code: "bad-certificate" });
    if (subject.engines === 1) expect((await openTlsClient(relay.port)).isSecure).toBe(true);
  });
}
