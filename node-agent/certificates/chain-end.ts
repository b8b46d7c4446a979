import { X509Certificate } from "node:crypto";

/** One certificate that a balancer uses, and until when it can be verified. */
export interface CertificateEnd {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  /** Of the leaf or an issuer that comes with it, whichever is over first; milliseconds since 1970. */
  readonly notAfterMs: number;
}

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text, in its order; what stands between them is no part of it.
 *
 * @throws Error when one of them cannot be read.
 */
export function readChain(certificatePem: string): readonly X509Certificate[] {
  const chain = certificatePem.match(block) ?? [certificatePem];
  return chain.map((pem) => new X509Certificate(pem));
}

/** When the first certificate of a chain is over, milliseconds since 1970. */
export function chainEndMs(chain: readonly X509Certificate[]): number {
  return Math.min(...chain.map(({ validToDate }) => validToDate.getTime()));
}
