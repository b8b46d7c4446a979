import { X509Certificate } from "node:crypto";

/**
 * The host names that a certificate is for, as SNI asks for them: its DNS alternative names in lower
 * case, with `*` standing for exactly one whole label. Common names do not count (RFC 9525).
 */
export function certificateNames(certificatePem: string): readonly string[] {
  const { subjectAltName } = new X509Certificate(certificatePem);
  // Node.js quotes what could be mistaken for the end of a name: those are no host names.
  return (subjectAltName ?? "")
    .split(", ")
    .flatMap((entry) =>
      entry.startsWith("DNS:") ? [entry.slice("DNS:".length).toLowerCase()] : [],
    )
    .filter((name) => hostName.test(name));
}

const hostName = /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
