import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { createTestAuthority, type TestAuthority } from "../support/certificate-authority.ts";
import { bothDrivers } from "../support/drivers.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { casesHold, type HandshakeCase, type Refused } from "../support/handshake-cases.ts";
import { opensslClient } from "../support/openssl-client.ts";
import { findProgram } from "../support/run-command.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  certificateFolder,
  startTlsAgent,
  type CertificateFolder,
  type TlsAgent,
} from "../support/tls-agent.ts";

const versions = ["tls1", "tls1.1", "tls1.2", "tls1.3"] as const;
const asOptions = ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"] as const;
const asSpoken = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
const ranges: Readonly<Record<string, readonly [from: number, to: number]>> = {
  usual: [2, 3],
  every: [0, 3],
  only10: [0, 0],
  only11: [1, 1],
  only12: [2, 2],
  only13: [3, 3],
};

/** By IANA's names, as gobetween lists them, and OpenSSL's; RC4 and 3DES are in no OpenSSL of today. */
const safe = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
};
const weak = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: "ECDHE-ECDSA-AES128-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: "ECDHE-RSA-AES128-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
  TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
  TLS_RSA_WITH_AES_256_GCM_SHA384: "AES256-GCM-SHA384",
  TLS_RSA_WITH_AES_128_CBC_SHA256: "AES128-SHA256",
  TLS_RSA_WITH_AES_128_CBC_SHA: "AES128-SHA",
  TLS_RSA_WITH_AES_256_CBC_SHA: "AES256-SHA",
};
const newest = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Other than what is usual and with one of these in common: a list of both versions' suites. */
const some = ["ECDHE-RSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"];

/** Two of each version; the stronger is neither always the first nor always the last. */
const preferred = [
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_256_GCM_SHA384",
];

const cleanup = suiteCleanup();
const authority = await createTestAuthority();
const noOpenssl = (await findProgram("openssl")) === undefined ? "no openssl" : undefined;
const drivers = (await bothDrivers()).map(({ driver, missing }) => {
  return { driver, missing: missing ?? noOpenssl };
});
let balancers: Readonly<Record<string, object>>;
let folder: CertificateFolder;
beforeAll(async () => {
  folder = await certificateFolder(cleanup, authority);
  balancers = await balancersUnderTest();
});

describe.for(drivers)("openssl s_client, with the $driver engine", ({ driver, missing }) => {
  let agent: TlsAgent;
  beforeAll(async () => {
    if (missing !== undefined) return;
    const backend = await startBackend(greet("welcome"), { cleanup });
    agent = await startTlsAgent(cleanup, { driver, folder, backend: backend.port, balancers });
  });

  test("F-TLS-07 every version is spoken inside of a balancer's range, and refused outside", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const cases = Object.entries(ranges).flatMap(([at, [from, to]]) =>
      asOptions.map((option, index): HandshakeCase => {
        const isInside = from <= index && index <= to;
        // Up to TLS 1.2 a client names its newest version, is offered an older one, and refuses that itself.
        const isClient = index > to && index < 3;
        // Its alert comes in a record of a version that was not agreed on: nothing that can be read.
        const itself = { alert: "", failure: "not-tls" } as const;
        const byUs = { alert: "protocol version", failure: "no-shared-version" } as const;
        const refusal = isClient ? itself : byUs;
        return {
          at,
          says: [option],
          ends: isInside ? { version: asSpoken[index] ?? "" } : refusal,
        };
      }),
    );
    await casesHold(agent, cases);
  });

  test("F-TLS-08 every suite is agreed on where it is listed, the safe ones where none is, and no other", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    await casesHold(agent, [
      ...Object.values({ ...safe, ...weak }).flatMap((cipher) => [
        old("all", cipher, true),
        old("same", cipher, true),
        old("safe", cipher, Object.values(safe).includes(cipher)),
        old("some", cipher, some.includes(cipher)),
      ]),
      ...newest.flatMap((cipher) => [
        newer("all", cipher, true),
        newer("same", cipher, true),
        newer("safe", cipher, true),
        newer("some", cipher, some.includes(cipher)),
      ]),
    ]);
  });

  test("of several suites that both want, the first of the balancer's list is agreed on, whatever the client's order", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const agreed = (
      at: string,
      inOld: string | undefined,
      inNew: string | undefined,
    ): HandshakeCase[] =>
      [preferred, preferred.toReversed()].flatMap((offered) => {
        const older = offered.filter((name) => !name.startsWith("TLS_")).join(":");
        const newer = offered.filter((name) => name.startsWith("TLS_")).join(":");
        const says = ["-cipher", older, "-ciphersuites", newer];
        return [
          { at, says: [...says, "-tls1_2"], ends: { version: "TLSv1.2", cipher: inOld ?? "" } },
          { at, says, ends: { version: "TLSv1.3", cipher: inNew ?? "" } },
        ];
      });
    await casesHold(agent, [
      ...agreed("preferred", preferred[0], preferred[2]),
      ...agreed("backwards", preferred[1], preferred[3]),
    ]);
  });

  test("key is exchanged over every group in use, and over no other; ALPN takes what both want, in the balancer's order", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const group = (name: string, version: string, ends: HandshakeCase["ends"]): HandshakeCase => {
      return { at: "groups", says: ["-groups", name, version], ends };
    };
    const noCipher = { alert: "handshake failure", failure: "no-shared-cipher" } as const;
    const protocols = (offered: readonly string[], ends: HandshakeCase["ends"]): HandshakeCase => {
      return { at: "protocols", says: offered, ends };
    };
    const noProtocol = { alert: "no application protocol", failure: "no-shared-alpn" } as const;
    await casesHold(agent, [
      ...["X25519", "P-256", "P-384", "P-521"].flatMap((name) => [
        group(name, "-tls1_2", { group: name }),
        group(name, "-tls1_3", { group: name }),
      ]),
      group("brainpoolP256r1", "-tls1_2", noCipher),
      protocols(["-alpn", "h2"], { alpn: "h2" }),
      protocols(["-alpn", "http/1.1,h2"], { alpn: "h2" }),
      protocols(["-alpn", "spdy/3,http/1.1", "-tls1_2"], { alpn: "http/1.1" }),
      protocols([], { alpn: "" }),
      protocols(["-alpn", "spdy/3"], noProtocol),
      protocols(["-alpn", "spdy/3", "-tls1_2"], noProtocol),
      { at: "groups", says: ["-alpn", "h2"], ends: { alpn: "" } },
    ]);
  });

  test("X-TLS-15 the name that the client asks for chooses the certificate: the very name, its wildcard, the first otherwise", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const shown = (asked: string, name: string): HandshakeCase[] =>
      ["-tls1_2", "-tls1_3"].map((version) => {
        const says = asked === "" ? ["-noservername"] : ["-servername", asked];
        return { at: "names", says: [...says, version], ends: { name } };
      });
    await casesHold(agent, [
      ...shown("first.test", "first.test"),
      ...shown("any.wild.test", "*.wild.test"),
      ...shown("ANY.Wild.TEST", "*.wild.test"),
      ...shown("own.wild.test", "own.wild.test"),
      ...shown("a.b.wild.test", "first.test"),
      ...shown("wild.test", "first.test"),
      ...shown("other.test", "first.test"),
      ...shown("", "first.test"),
    ]);
  });

  test("F-TLS-09 sessions are resumed with tickets on, in both versions, and not with tickets off", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const kept = await temporaryFolder(onTestFinished);
    for (const at of ["on", "off"]) {
      for (const version of ["-tls1_2", "-tls1_3"]) {
        const file = join(kept, at + version);
        const first = await opensslClient(agent.portOf(at), [version, "-sess_out", file]);
        expect(first.isReused).toBe(false);
        // Where nothing can be resumed, an engine need not give any session.
        const again = existsSync(file) ? [version, "-sess_in", file] : [version];
        const ends = await Promise.all(
          Array.from({ length: 4 }, () => resumed(agent.portOf(at), again)),
        );
        expect(ends, `${at} ${version}`).toEqual(ends.map(() => at === "on"));
      }
    }
  });

  test("X-TLS-16 each mode of client certificates takes whom it should, and tells others why not", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const [signed, foreign, expired] = await clientCertificates(authority);
    const cases = ["-tls1_2", "-tls1_3"].flatMap((version) => {
      const required = version === "-tls1_2" ? "handshake failure" : "certificate required";
      const none: Refused = { alert: required, failure: "no-certificate" };
      // node:tls looks at certificates once the handshake is over, and closes without a word.
      const heard = (alert: string): string => (driver === "native" ? alert : "");
      const unknown: Refused = { alert: heard("unknown ca"), failure: "untrusted" };
      const over: Refused = { alert: heard("certificate expired"), failure: "expired" };
      const at = (
        mode: string,
        shows: readonly string[],
        ends: HandshakeCase["ends"] = {},
      ): HandshakeCase => {
        return { at: mode, says: [version, ...shows], ends };
      };
      return [
        ...["none", "request"].flatMap((mode) =>
          [[], signed, foreign, expired].map((shows) => at(mode, shows)),
        ),
        at("require", [], none),
        ...[signed, foreign, expired].map((shows) => at("require", shows)),
        at("verify", [], none),
        at("verify", signed),
        at("verify", foreign, unknown),
        at("verify", expired, over),
      ];
    });
    await casesHold(agent, cases);
  });
});

function old(at: string, cipher: string, isListed: boolean): HandshakeCase {
  const refused = { alert: "handshake failure", failure: "no-shared-cipher" } as const;
  const says = ["-tls1_2", "-cipher", `${cipher}:@SECLEVEL=0`];
  return { at, says, ends: isListed ? { version: "TLSv1.2", cipher } : refused };
}

function newer(at: string, cipher: string, isListed: boolean): HandshakeCase {
  const refused = { alert: "handshake failure", failure: "no-shared-cipher" } as const;
  const says = ["-tls1_3", "-ciphersuites", cipher];
  return { at, says, ends: isListed ? { version: "TLSv1.3", cipher } : refused };
}

/** The section `tls` of every balancer; each is used by one test, which knows what it has refused. */
async function balancersUnderTest(): Promise<Readonly<Record<string, object>>> {
  const ec = await folder.issue({ names: ["a.test"] });
  const rsa = await folder.issue({ names: ["a.test"], key: "rsa" });
  const named = await Promise.all(
    (["first.test", "*.wild.test", "own.wild.test"] as const).map((name) =>
      folder.issue({ names: [name], key: name === "own.wild.test" ? "rsa" : "ec" }),
    ),
  );
  const one = { certificates: [ec] };
  const both = { certificates: [ec, rsa] };
  const ofVersions = Object.entries(ranges).map(([name, [from, to]]): [string, object] => {
    const range = { minVersion: versions[from], maxVersion: versions[to] };
    return [name, name === "usual" ? one : { ...one, ...range }];
  });
  return {
    ...Object.fromEntries(ofVersions),
    all: { ...both, ciphers: [...Object.keys({ ...safe, ...weak }), ...newest] },
    same: { ...both, ciphers: Object.values({ ...safe, ...weak }) },
    safe: both,
    some: { ...both, ciphers: some },
    preferred: { ...both, ciphers: preferred },
    backwards: { ...both, ciphers: preferred.toReversed() },
    // In TLS 1.2 the curve of an EC key has to be among the client's groups.
    groups: { certificates: [rsa] },
    protocols: { ...one, alpn: ["h2", "http/1.1"] },
    names: { certificates: named },
    on: { ...one, sessionTickets: true },
    off: one,
    none: one,
    request: { ...one, clientAuth: { mode: "request" } },
    require: { ...one, clientAuth: { mode: "require" } },
    verify: { ...one, clientAuth: { mode: "verify", authority: { pem: authority.cert } } },
  };
}

async function resumed(port: number, says: readonly string[]): Promise<boolean> {
  const end = await opensslClient(port, says);
  expect(end.output).toContain("welcome");
  return end.isReused;
}

/** Options that show one the authority has signed, one of somebody else's, and one that is over. */
async function clientCertificates(
  own: TestAuthority,
): Promise<readonly [readonly string[], readonly string[], readonly string[]]> {
  const other = await createTestAuthority("somebody else");
  const kept = await temporaryFolder(onTestFinished);
  const optionsOf = async (name: string, cert: string, key: string): Promise<string[]> => {
    const path = join(kept, `${name}.pem`);
    await writeFile(path, cert + key);
    return ["-cert", path, "-key", path];
  };
  const signed = await own.issue({ commonName: "signed" });
  const foreign = await other.issue({ commonName: "foreign" });
  const expired = await own.issue({ commonName: "expired", validDays: [-9, -2] });
  return [
    await optionsOf("signed", signed.cert, signed.key),
    await optionsOf("foreign", foreign.cert, foreign.key),
    await optionsOf("expired", expired.cert, expired.key),
  ];
}
