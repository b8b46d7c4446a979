import type { Balancer } from "#shared/definition/balancer.ts";
import type { Discovery, Source } from "#shared/definition/discovery/discovery.ts";

/** A certificate and its key, in clear. */
interface OpenPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What is known of a certificate by its id; undefined when it is not on this node. */
export type CertificateOf = (id: string) => OpenPair | undefined;

/**
 * The definition with the stored certificates that its sources are shown as PEM, for whoever asks
 * them; never shown, never logged. One that is not there stays a reference: its source says so.
 */
export function revealCertificates(definition: Balancer, certificateOf: CertificateOf): Balancer {
  const discovery = revealedDiscovery(definition.discovery, certificateOf);
  return discovery === definition.discovery ? definition : { ...definition, discovery };
}

function revealedDiscovery(discovery: Discovery, certificateOf: CertificateOf): Discovery {
  if (discovery.kind !== "multi") return revealedSource(discovery, certificateOf);
  const sources = discovery.sources.map((source) => revealedSource(source, certificateOf));
  const isSame = sources.every((source, index) => source === discovery.sources[index]);
  return isSame ? discovery : { ...discovery, sources };
}

function revealedSource(source: Source, certificateOf: CertificateOf): Source {
  if (!("tls" in source) || source.tls?.clientCertificate === undefined) return source;
  const { tls } = source;
  const { clientCertificate } = source.tls;
  if (!("certificate" in clientCertificate)) return source;
  const pair = certificateOf(clientCertificate.certificate);
  if (pair === undefined) return source;
  const pem = { certificate: pair.certificatePem, key: pair.keyPem };
  return { ...source, tls: { ...tls, clientCertificate: { pem } } };
}
