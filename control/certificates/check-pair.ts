import type { KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";

import type { Checked, Problem } from "#shared/base/problem.ts";

import type { CertificateDetails } from "../storage/tables/certificates.ts";
import { certificateDetails } from "./certificate-details.ts";
import { certificateProblem } from "./certificate-problem.ts";
import { chainProblems, readChain, type Chain } from "./read-chain.ts";
import { readKey } from "./read-key.ts";

/** A certificate and its key as somebody sends them, each in PEM; undefined is not looked at. */
export interface PairText {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly passphrase: string | undefined;
}

/** A pair that a handshake can use, in the form in which it is kept. */
export interface CheckedPair {
  /** The leaf, then each one's issuer; nothing else in the text. */
  readonly chainPem: string;
  /** PKCS #8, in clear: to be sealed at once. */
  readonly keyPem: string;
  readonly details: CertificateDetails;
}

/** Told by whoever has not handed it over. */
const missing = { ok: false, problems: [] } as const;

/**
 * A pair that may be stored, or everything that is wrong with it; pointers are `/certificate`, `/key`
 * and `/passphrase`. Texts are bounded by the caller, who tells what is missing; no detail quotes the
 * key.
 */
export function checkPair(text: PairText, nowMs: number): Checked<CheckedPair> {
  const chain = text.certificate === undefined ? missing : readChain(text.certificate);
  const { key: keyText, passphrase } = text;
  const key = keyText === undefined ? missing : readKey({ key: keyText, passphrase });
  const problems = [
    ...(chain.ok ? chainProblems(chain.value, nowMs) : chain.problems),
    ...(key.ok ? [] : key.problems),
    ...(chain.ok && key.ok ? matchProblems(chain.value, key.value) : []),
  ];
  if (!chain.ok || !key.ok || problems.length > 0) return { ok: false, problems };
  const pair = pairOf(chain.value, key.value);
  const unusable = useProblem(pair);
  return unusable === undefined ? { ok: true, value: pair } : { ok: false, problems: [unusable] };
}

function pairOf(chain: Chain, key: KeyObject): CheckedPair {
  return {
    chainPem: chain.map((certificate) => certificate.toString()).join(""),
    keyPem: key.export({ format: "pem", type: "pkcs8" }).toString(),
    details: certificateDetails(chain),
  };
}

function matchProblems(chain: Chain, key: KeyObject): readonly Problem[] {
  const owner = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (owner === 0) return [];
  const detail =
    owner < 0
      ? "is not the key of the certificate"
      : `is the key of certificate ${owner + 1} of the chain, not of the first`;
  return [certificateProblem("/key", "key-mismatch", detail)];
}

/** The last word has who will use it: OpenSSL refuses weak signatures, among others. */
function useProblem({ chainPem, keyPem }: CheckedPair): Problem | undefined {
  try {
    createSecureContext({ cert: chainPem, key: keyPem });
    return undefined;
  } catch (error) {
    const reason = error instanceof Error && "reason" in error ? String(error.reason) : "no reason";
    const detail = `OpenSSL does not take it: ${reason}`;
    return certificateProblem("/certificate", "invalid-pem", detail);
  }
}
