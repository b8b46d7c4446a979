import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";

import { checkPair, type PairText } from "../../../control/certificates/check-pair.ts";
import {
  issuedCertificate,
  issuedChain,
  type IssuedCertificate,
} from "../../support/issued-certificate.ts";

let root: IssuedCertificate;
let middle: IssuedCertificate;
let leaf: IssuedCertificate;
let chain: string;

beforeAll(async () => {
  ({ root, middle, leaf, chain } = await issuedChain());
});

function checked(text: Partial<PairText>, nowMs = Date.now()) {
  return checkPair({ certificate: chain, key: leaf.key, passphrase: undefined, ...text }, nowMs);
}

/** `pointer code` of each problem. */
function problemsOf(text: Partial<PairText>, nowMs?: number): readonly string[] {
  const outcome = checked(text, nowMs);
  return outcome.ok ? [] : outcome.problems.map(({ pointer, code }) => `${pointer} ${code}`);
}

/** Only a test writes keys in such forms. */
function exported(key: string, form: "pkcs8" | "sec1" | "pkcs1", passphrase?: string): string {
  const secret = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return createPrivateKey(key)
    .export({ type: form, format: "pem", ...secret })
    .toString();
}

describe("a pair that is right", () => {
  test("is kept as its certificates in their order and its key in clear PKCS #8", () => {
    const noise = `Bag Attributes\n    friendlyName: shop\n${chain}\n\nsubject=CN = x\n`;
    const outcome = checked({ certificate: noise.replaceAll("\n", "\r\n") });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    expect(outcome.value.chainPem).toBe(chain);
    expect(outcome.value.keyPem).toBe(leaf.key);
  });

  test("is told with names, times, kind of key and fingerprint, as OpenSSL reads them", async () => {
    const names = ["shop.example.com", "*.shop.example.com", "10.0.0.5", "2001:db8::1"];
    const own = await issuedCertificate({ name: "x", names, issuer: middle });
    const outcome = checked({ certificate: own.cert + middle.cert, key: own.key });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    const x509 = new X509Certificate(own.cert);
    expect(outcome.value.details).toMatchObject({
      subject: "CN=x",
      issuer: "CN=Middle",
      names: ["shop.example.com", "*.shop.example.com", "10.0.0.5", "2001:DB8:0:0:0:0:0:1"],
      namesOmitted: 0,
      notBeforeMs: Date.parse(x509.validFrom),
      notAfterMs: Date.parse(x509.validTo),
      keyType: "ec-p256",
      fingerprint: x509.fingerprint256.replaceAll(":", "").toLowerCase(),
      chainLength: 2,
    });
  });

  test("may end with its root, or be signed by itself", async () => {
    expect(problemsOf({ certificate: chain + root.cert })).toEqual([]);
    const own = await issuedCertificate({ name: "self.example.com" });
    expect(problemsOf({ certificate: own.cert, key: own.key })).toEqual([]);
  });

  test.each(["ec-p256", "ec-p384", "ec-p521", "rsa-2048", "ed25519"] as const)(
    "has a key of the kind %s",
    async (key) => {
      const own = await issuedCertificate({ name: "a.example.com", key, issuer: middle });
      const outcome = checked({ certificate: own.cert + middle.cert, key: own.key });
      expect(outcome).toMatchObject({ ok: true, value: { details: { keyType: key } } });
    },
  );

  test("has its key in any of the forms that OpenSSL writes, with its pass-phrase", async () => {
    const rsa = await issuedCertificate({ name: "a.example.com", key: "rsa-2048" });
    const passphrase = "open sesame – ü";
    const forms: [IssuedCertificate, string][] = [
      [leaf, exported(leaf.key, "pkcs8", passphrase)],
      [leaf, exported(leaf.key, "sec1")],
      [leaf, exported(leaf.key, "sec1", passphrase)],
      [rsa, exported(rsa.key, "pkcs1")],
      [rsa, exported(rsa.key, "pkcs1", passphrase)],
    ];
    for (const [own, key] of forms) {
      const certificate = own === leaf ? chain : own.cert;
      const outcome = checked({ certificate, key, passphrase });
      expect(outcome).toMatchObject({ ok: true, value: { keyPem: own.key } });
    }
  });

  test("may have the curve's parameters before its EC key, as openssl ecparam writes them", () => {
    const parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    expect(problemsOf({ key: parameters + exported(leaf.key, "sec1") })).toEqual([]);
  });
});

describe("refused with its place and reason is", () => {
  test("a key of another certificate", async () => {
    const other = await issuedCertificate({ name: "other.example.com" });
    expect(problemsOf({ key: other.key })).toEqual(["/key key-mismatch"]);
    expect(problemsOf({ key: middle.key })).toEqual(["/key key-mismatch"]);
  });

  test("a chain in another order", () => {
    expect(problemsOf({ certificate: middle.cert + leaf.cert })).toEqual([
      "/certificate chain-order",
      "/key key-mismatch",
    ]);
    expect(problemsOf({ certificate: leaf.cert + root.cert + middle.cert })).toEqual([
      "/certificate chain-order",
    ]);
  });

  test("a chain with a stranger, with one that may not sign, or with a namesake of its issuer", async () => {
    const stranger = await issuedCertificate({ name: "Stranger", isAuthority: true });
    const namesake = await issuedCertificate({ name: "Middle", issuer: root, isAuthority: true });
    for (const other of [stranger, namesake]) {
      const certificate = leaf.cert + other.cert;
      expect(problemsOf({ certificate })).toEqual(["/certificate broken-chain"]);
    }
    const below = await issuedCertificate({ name: "b.example.com", issuer: leaf });
    const unsigned = { certificate: below.cert + leaf.cert + middle.cert, key: below.key };
    expect(problemsOf(unsigned)).toEqual(["/certificate broken-chain"]);
  });

  test("a certificate that is over, or has not begun; also one of its issuers", async () => {
    const dayMs = 24 * 60 * 60 * 1_000;
    const now = Date.now();
    const over = ["/certificate expired", "/certificate expired"];
    expect(problemsOf({}, now + 30 * dayMs)).toEqual(over);
    const early = ["/certificate not-yet-valid", "/certificate not-yet-valid"];
    expect(problemsOf({}, now - 30 * dayMs)).toEqual(early);
    const old = await issuedCertificate({
      ...{ name: "Old", issuer: root, isAuthority: true },
      validDays: [-20, -10],
    });
    const below = await issuedCertificate({ name: "b.example.com", issuer: old });
    expect(problemsOf({ certificate: below.cert + old.cert, key: below.key })).toEqual([
      "/certificate expired",
    ]);
  });

  test("a key that is too short, and one of an unknown kind", async () => {
    const short = await issuedCertificate({ name: "a.example.com", key: "rsa-1024" });
    expect(problemsOf({ certificate: short.cert, key: short.key })).toEqual([
      "/certificate weak-key",
      "/key weak-key",
    ]);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
    const key = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect(problemsOf({ key })).toEqual(["/key unsupported-key"]);
  });

  test("several keys, no key, a certificate in the key's place, a key in the certificate's", () => {
    expect(problemsOf({ key: leaf.key + leaf.key })).toEqual(["/key several-keys"]);
    expect(problemsOf({ key: "" })).toEqual(["/key invalid-pem"]);
    expect(problemsOf({ key: chain })).toEqual(["/key invalid-pem"]);
    expect(problemsOf({ key: leaf.key + chain })).toEqual(["/key invalid-pem"]);
    expect(problemsOf({ certificate: chain + leaf.key })).toEqual(["/certificate invalid-pem"]);
    expect(problemsOf({ certificate: "hello" })).toEqual(["/certificate invalid-pem"]);
  });

  test("an encrypted key without its pass-phrase, or with another", () => {
    for (const form of ["pkcs8", "sec1"] as const) {
      const key = exported(leaf.key, form, "right");
      expect(problemsOf({ key })).toEqual(["/passphrase passphrase-required"]);
      expect(problemsOf({ key, passphrase: "wrong" })).toEqual(["/passphrase passphrase-wrong"]);
    }
  });

  test("an encrypted key that would take minutes to open, before it is tried", () => {
    const key = withRounds(exported(leaf.key, "pkcs8", "right"), 0x7f_ff);
    const begunMs = performance.now();
    expect(problemsOf({ key, passphrase: "right" })).toEqual(["/passphrase passphrase-wrong"]);
    const ofShort = performance.now() - begunMs;
    const long = withRounds(exported(leaf.key, "pkcs8", "right"), 0x7f_ff_ff_ff);
    const outcome = checked({ key: long, passphrase: "right" });
    expect(outcome).toMatchObject({ problems: [{ pointer: "/key", code: "out-of-range" }] });
    expect(performance.now() - begunMs).toBeLessThan(ofShort + 1_000);
  });

  test("more than one thing at once", async () => {
    const short = await issuedCertificate({ name: "x", key: "rsa-1024", validDays: [-9, -3] });
    const key = exported(leaf.key, "pkcs8", "right");
    expect(problemsOf({ certificate: short.cert + middle.cert, key }).toSorted()).toEqual([
      "/certificate broken-chain",
      "/certificate expired",
      "/certificate weak-key",
      "/passphrase passphrase-required",
    ]);
  });
});

test("whatever was changed, cut or mixed is refused in words that quote no key, and never throws", () => {
  const bytes = (text: string) =>
    fc
      .array(fc.tuple(fc.nat(text.length - 1), fc.constantFrom("A", "-", "\n", "=", "ü", " ", "")))
      .map((edits) =>
        edits.reduce((now, [at, by]) => now.slice(0, at) + by + now.slice(at + 1), text),
      );
  const inside = leaf.key.split("\n").slice(1, -2);
  fc.assert(
    fc.property(
      fc.oneof(bytes(chain), fc.string(), fc.constant(leaf.key)),
      fc.oneof(bytes(leaf.key), fc.string(), fc.constant(chain)),
      fc.option(fc.string(), { nil: undefined }),
      (certificate, key, passphrase) => {
        const outcome = checkPair({ certificate, key, passphrase }, Date.now());
        if (outcome.ok) return;
        expect(outcome.problems.length).toBeGreaterThan(0);
        const told = JSON.stringify(outcome.problems);
        for (const line of inside) expect(told).not.toContain(line);
      },
    ),
    { numRuns: 500 },
  );
});

test("of all orders of a chain one is right", () => {
  const certs = [leaf.cert, middle.cert, root.cert];
  fc.assert(
    fc.property(fc.shuffledSubarray(certs, { minLength: 3 }), (order) => {
      const isRight = order.every((cert, at) => cert === certs[at]);
      expect(problemsOf({ certificate: order.join("") }).length === 0).toBe(isRight);
    }),
  );
});

/** The same key, which claims that opening it takes so many rounds (OpenSSL's own are 2,048). */
function withRounds(pem: string, rounds: number): string {
  const der = Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64");
  const at = der.indexOf(Buffer.from([0x02, 0x02, 0x08, 0x00]));
  expect(at).toBeGreaterThan(0);
  const width = rounds > 0x7f_ff ? 4 : 2;
  const number = Buffer.alloc(width);
  number.writeUIntBE(rounds, 0, width);
  const grown = Buffer.concat([
    der.subarray(0, at),
    Buffer.from([0x02, width]),
    number,
    der.subarray(at + 4),
  ]);
  const by = width - 2;
  if (by > 0) growLengths(grown, { at, by });
  const base64 = grown.toString("base64").replaceAll(/.{1,64}/g, "$&\n");
  return `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${base64}-----END ENCRYPTED PRIVATE KEY-----\n`;
}

/** Every element that begins before the place and ends behind it is longer now. */
function growLengths(der: Buffer, { at, by }: { at: number; by: number }): void {
  let begin = 0;
  while (begin < at) {
    const first = der[begin + 1] ?? 0;
    const digits = first < 0x80 ? 0 : first & 0x7f;
    const body = begin + 2 + digits;
    const length = digits === 0 ? first : der.readUIntBE(begin + 2, digits);
    if (body + length <= at) {
      begin = body + length;
      continue;
    }
    if (digits === 0) der[begin + 1] = length + by;
    else der.writeUIntBE(length + by, begin + 2, digits);
    begin = body;
  }
}
