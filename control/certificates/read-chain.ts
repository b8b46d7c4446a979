import { X509Certificate } from "node:crypto";

import { chainCertificatesMax } from "#shared/base/limits.ts";
import type { Checked, Problem } from "#shared/base/problem.ts";

import { certificateProblem } from "./certificate-problem.ts";
import { keyProblem } from "./key-type.ts";
import { pemBlocks } from "./pem.ts";

/** At least one; the leaf, then each one's issuer. */
export type Chain = readonly [X509Certificate, ...X509Certificate[]];

const pointer = "/certificate";

/** The certificates of a PEM text, in its order. Nothing is checked of how they belong together. */
export function readChain(text: string): Checked<Chain> {
  const blocks = pemBlocks(text);
  if (blocks === undefined) return refused("invalid-pem", "is not PEM");
  const other = blocks.find(({ label }) => label !== "CERTIFICATE");
  if (other !== undefined) {
    return refused(
      "invalid-pem",
      `holds ${JSON.stringify(other.label)}; only certificates go here`,
    );
  }
  if (blocks.length > chainCertificatesMax) {
    return refused(
      "too-large",
      `has ${blocks.length} certificates; at most ${chainCertificatesMax}`,
    );
  }
  const read = blocks.map(({ der }) => certificateOf(der));
  const unreadable = read.findIndex((certificate) => certificate === undefined);
  if (unreadable >= 0) {
    return refused("invalid-pem", `certificate ${unreadable + 1} is none that OpenSSL can read`);
  }
  const [leaf, ...issuers] = read.filter((certificate) => certificate !== undefined);
  if (leaf === undefined) return refused("invalid-pem", "holds no certificate");
  return { ok: true, value: [leaf, ...issuers] };
}

/** Everything that is wrong with a chain as it stands, at a moment. */
export function chainProblems(chain: Chain, nowMs: number): readonly Problem[] {
  return [
    ...chain.flatMap((certificate, at) => timeProblems(certificate, at, nowMs)),
    ...chain.flatMap((certificate, at) => {
      const problem = keyProblem(certificate.publicKey, pointer, `the key of ${nameOf(at)}`);
      return problem === undefined ? [] : [problem];
    }),
    ...orderProblems(chain),
  ];
}

/** How a certificate of a chain is called in messages. */
function nameOf(at: number): string {
  return at === 0 ? "the certificate" : `certificate ${at + 1} of the chain`;
}

function timeProblems(certificate: X509Certificate, at: number, nowMs: number): readonly Problem[] {
  const { validFromDate, validToDate } = certificate;
  if (validFromDate.getTime() > nowMs) {
    const detail = `${nameOf(at)} is valid from ${validFromDate.toISOString()} on`;
    return [certificateProblem(pointer, "not-yet-valid", detail)];
  }
  if (validToDate.getTime() > nowMs) return [];
  const detail = `${nameOf(at)} was valid until ${validToDate.toISOString()}`;
  return [certificateProblem(pointer, "expired", detail)];
}

function orderProblems(chain: Chain): readonly Problem[] {
  const broken = chain.findIndex((certificate, at) => {
    const next = chain[at + 1];
    return next !== undefined && !hasIssued(next, certificate);
  });
  if (broken < 0) return [];
  const certificate = chain[broken];
  const hasIssuer = chain.some(
    (other) => certificate !== undefined && other !== certificate && hasIssued(other, certificate),
  );
  const isIssuer = chain.some(
    (other) => certificate !== undefined && other !== certificate && hasIssued(certificate, other),
  );
  if (hasIssuer || isIssuer) {
    const detail = "the certificate comes first, then its issuer, then the issuer's";
    return [certificateProblem(pointer, "chain-order", detail)];
  }
  const detail = `certificate ${broken + 2} of the chain has not issued the one before it`;
  return [certificateProblem(pointer, "broken-chain", detail)];
}

/** Whether one has signed the other, as an authority may. */
function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  if (!issuer.ca || !certificate.checkIssued(issuer)) return false;
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A signature by a kind of key that OpenSSL does not know.
    return false;
  }
}

function certificateOf(der: Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    // Reading the key is what fails for curves and kinds that are not known.
    void certificate.publicKey.asymmetricKeyType;
    return certificate;
  } catch {
    return undefined;
  }
}

function refused(
  code: Parameters<typeof certificateProblem>[1],
  detail: string,
): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [certificateProblem(pointer, code, detail)] };
}
