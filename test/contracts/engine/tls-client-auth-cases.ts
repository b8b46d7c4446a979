import { expect, test } from "vitest";

import type { ClientAuthTerms } from "../../../node-agent/engine/tls-terms.ts";
import { createTestAuthority } from "../../support/certificate-authority.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import type { TestCertificate } from "../../support/test-certificates.ts";
import { openTlsClient } from "../../support/tls-client.ts";
import type { EngineSubject } from "./relay-rig.ts";
import { clientTerms, identityFor, setAll, startTlsRelay, testAuthority } from "./tls-rig.ts";

/** Certificates that clients show. */
export function tlsClientAuthCases(subject: EngineSubject): void {
  test("X-TLS-16 none, request, require and verify take whom they promise, and say why not", async () => {
    const backend = await startBackend(greet("hello"));
    const identities = [await identityFor(["a.test"])];
    const authority = await testAuthority();
    const stranger = await createTestAuthority("a stranger");
    const shown = {
      nothing: undefined,
      known: await authority.issue({ commonName: "client one" }),
      foreign: await stranger.issue({ commonName: "client two" }),
      expired: await authority.issue({ commonName: "client three", validDays: [-9, -2] }),
    };
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities }),
    });
    const outcomeOf = async (certificate: TestCertificate | undefined): Promise<unknown> => {
      const before = relay.ofKind("closed").length;
      const client = await openTlsClient(relay.port, { ...certificate });
      await client.isOver();
      client.finish();
      const closed = await eventually(() => {
        const last = relay.ofKind("closed")[before];
        if (last === undefined) throw new Error("not closed yet");
        return last;
      });
      if (closed.tlsFailure !== undefined) return closed.tlsFailure;
      expect(client.text()).toBe("hello");
      return relay.ofKind("secured").at(-1)?.tls.client;
    };
    const outcomes = async (mode: ClientAuthTerms["mode"]): Promise<unknown> => {
      const clientAuth = { mode, authoritiesPem: authority.cert };
      setAll(relay, clientTerms({ identities, clientAuth }));
      const found: Record<string, unknown> = {};
      for (const [who, certificate] of Object.entries(shown)) {
        found[who] = await outcomeOf(certificate);
      }
      return found;
    };
    const taken = (commonName: string, isVerified: boolean) => ({ commonName, isVerified });

    expect(await outcomes("none")).toEqual({
      nothing: undefined,
      known: undefined,
      foreign: undefined,
      expired: undefined,
    });
    expect(await outcomes("request")).toEqual({
      nothing: undefined,
      known: taken("client one", false),
      foreign: taken("client two", false),
      expired: taken("client three", false),
    });
    expect(await outcomes("require")).toEqual({
      nothing: "no-certificate",
      known: taken("client one", false),
      foreign: taken("client two", false),
      expired: taken("client three", false),
    });
    expect(await outcomes("verify")).toEqual({
      nothing: "no-certificate",
      known: taken("client one", true),
      foreign: "untrusted",
      expired: "expired",
    });
  });

  test("X-TLS-16 a client's chain through an authority in between is verified", async () => {
    const backend = await startBackend(greet("hello"));
    const authority = await testAuthority();
    const certificate = await (await authority.below()).issue({ commonName: "deep" });
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({
        identities: [await identityFor(["a.test"])],
        clientAuth: { mode: "verify", authoritiesPem: authority.cert },
      }),
    });

    const client = await openTlsClient(relay.port, { ...certificate });
    await client.isOver();

    expect(client.text()).toBe("hello");
    expect(relay.ofKind("secured")).toMatchObject([
      { tls: { client: { commonName: "deep", isVerified: true } } },
    ]);
  });

  test("X-TLS-16 the same holds for a certificate that was chosen by name", async () => {
    const authority = await testAuthority();
    const relay = await startTlsRelay(subject, {
      client: clientTerms({
        identities: [await identityFor(["a.test"]), await identityFor(["b.test"])],
        clientAuth: { mode: "verify", authoritiesPem: authority.cert },
      }),
    });

    const stranger = await openTlsClient(relay.port, { servername: "b.test" });
    await stranger.isOver();
    const certificate = await authority.issue({ commonName: "known" });
    const known = await openTlsClient(relay.port, { servername: "b.test", ...certificate });

    expect(known.tls.getPeerX509Certificate()?.subjectAltName).toBe("DNS:b.test");
    await eventually(() => relay.ofKind("secured").length === 1);
    expect(await relay.closed(1)).toMatchObject([{ tlsFailure: "no-certificate" }]);
  });
}
