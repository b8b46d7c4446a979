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
 * When the first certificate of a chain is over, milliseconds since 1970.
 *
 * @throws Error when one of them cannot be read.
 */
export function chainEndMs(certificatePem: string): number {
  const chain = certificatePem.match(block) ?? [certificatePem];
  return Math.min(...chain.map((pem) => new X509Certificate(pem).validToDate.getTime()));
}
