import { X509Certificate } from "node:crypto";

import { chainCertificatesMax } from "#shared/base/limits.ts";
import type { Checked, Problem } from "#shared/base/problem.ts";
import {
  chainOrderProblems,
  chainTimeProblems,
  placeInChain,
} from "#shared/validation/chain-problems.ts";

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
    ...chainTimeProblems(chain, pointer, nowMs),
    ...chain.flatMap((certificate, at) => {
      const problem = keyProblem(certificate.publicKey, pointer, `the key of ${placeInChain(at)}`);
      return problem === undefined ? [] : [problem];
    }),
    ...chainOrderProblems(chain, pointer),
  ];
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
