import { webcrypto } from "node:crypto";

export type IssuedKey = "ec-p256" | "ec-p384" | "ec-p521" | "rsa-1024" | "rsa-2048" | "ed25519";

export interface WantedCertificate {
  /** Its common name; also a host name that it is for, unless others are given. */
  readonly name: string;
  readonly names?: readonly string[];
  /** EC P-256 unless given. */
  readonly key?: IssuedKey;
  /** Signed by itself unless given. */
  readonly issuer?: IssuedCertificate;
  /** Whether it may sign others. */
  readonly isAuthority?: boolean;
  /** In days from now; since yesterday, for twenty days, unless given. */
  readonly validDays?: readonly [number, number];
}

/** A certificate, its key, and what others are signed with. */
export interface IssuedCertificate {
  readonly name: string;
  /** In PEM, without its issuers. */
  readonly cert: string;
  /** PKCS #8 in PEM. */
  readonly key: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Makes a certificate with a new key. */
export async function issuedCertificate(wanted: WantedCertificate): Promise<IssuedCertificate> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const { name, names = [name], key = "ec-p256", issuer, isAuthority = false } = wanted;
  const keys = await makeKeys(key);
  const [fromDays, toDays] = wanted.validDays ?? [-1, 20];
  const alternatives = names.map((value) => ({
    type: /^[\d.]+$|:/.test(value) ? ("ip" as const) : ("dns" as const),
    value,
  }));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: inDays(fromDays),
    notAfter: inDays(toDays),
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
    ],
  });
  const exported = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  const cert = pemOf(certificate.rawData, "CERTIFICATE");
  return { name, cert, key: pemOf(exported, "PRIVATE KEY"), keys };
}

/** A root, one below it, and a certificate that the one below has signed. */
export async function issuedChain(name = "shop.example.com") {
  const root = await issuedCertificate({ name: "Root", isAuthority: true });
  const middle = await issuedCertificate({ name: "Middle", issuer: root, isAuthority: true });
  const leaf = await issuedCertificate({ name, issuer: middle });
  return { root, middle, leaf, chain: leaf.cert + middle.cert };
}

async function makeKeys(kind: IssuedKey): Promise<webcrypto.CryptoKeyPair> {
  const made = await webcrypto.subtle.generateKey(algorithmOf(kind), true, ["sign", "verify"]);
  if (!("privateKey" in made)) throw new Error("a pair was asked for");
  return made;
}

function algorithmOf(kind: IssuedKey): webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams {
  const [family, size = ""] = kind.split("-");
  if (family === "ed25519") return { name: "Ed25519", namedCurve: "" };
  const hash = "SHA-256";
  if (family === "ec") {
    const ec = { name: "ECDSA", namedCurve: `P-${size.slice(1)}`, hash };
    return ec;
  }
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: "RSASSA-PKCS1-v1_5", modulusLength: Number(size), publicExponent, hash };
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * 24 * 60 * 60 * 1_000);
}

function pemOf(bytes: ArrayBuffer, label: string): string {
  const base64 = Buffer.from(bytes).toString("base64");
  return `-----BEGIN ${label}-----\n${base64.replaceAll(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}
