import type { Problem } from "../base/problem.ts";
import type { ProblemCode } from "../definition/problem-code.ts";

/** What is looked at of a certificate; one of Node.js is such. */
export interface ChainCertificate {
  /** Whether it may sign others. */
  readonly ca: boolean;
  readonly validFromDate: Date;
  readonly validToDate: Date;
  readonly publicKey: object;
  /** Whether it names this one as its issuer. */
  checkIssued(issuer: ChainCertificate): boolean;
  /** Whether it was signed with this key. */
  verify(publicKey: object): boolean;
}

/** The leaf, then each one's issuer, or so it should be. */
type Certificates = readonly ChainCertificate[];

/** How a certificate of a chain is called in messages. */
export function placeInChain(at: number): string {
  return at === 0 ? "the certificate" : `certificate ${at + 1} of the chain`;
}

/** Which certificates of a chain are over at a moment, or have not begun. */
export function chainTimeProblems(
  chain: Certificates,
  pointer: string,
  nowMs: number,
): readonly Problem[] {
  return chain.flatMap(({ validFromDate, validToDate }, at) => {
    if (validFromDate.getTime() > nowMs) {
      const detail = `${placeInChain(at)} is valid from ${validFromDate.toISOString()} on`;
      return [problem(pointer, "not-yet-valid", detail)];
    }
    if (validToDate.getTime() > nowMs) return [];
    const detail = `${placeInChain(at)} was valid until ${validToDate.toISOString()}`;
    return [problem(pointer, "expired", detail)];
  });
}

/** Whether each certificate of a chain was issued by the next one. */
export function chainOrderProblems(chain: Certificates, pointer: string): readonly Problem[] {
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
    return [problem(pointer, "chain-order", detail)];
  }
  const detail = `certificate ${broken + 2} of the chain has not issued the one before it`;
  return [problem(pointer, "broken-chain", detail)];
}

/** Whether one has signed the other, as an authority may. */
function hasIssued(issuer: ChainCertificate, certificate: ChainCertificate): boolean {
  if (!issuer.ca || !certificate.checkIssued(issuer)) return false;
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A signature by a kind of key that OpenSSL does not know.
    return false;
  }
}

function problem(pointer: string, code: ProblemCode, detail: string): Problem {
  return { pointer, code, detail };
}
