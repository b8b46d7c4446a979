import { pointerOf } from "../base/problem.ts";
import type { Balancer } from "./balancer.ts";
import { sourcesOf, type Source } from "./discovery/discovery.ts";

/** A certificate of the control plane that a balancer names, and where. */
export interface CertificateReference {
  /** JSON pointer into the balancer, at the id. */
  readonly pointer: string;
  readonly id: string;
}

/** The stored certificates that a balancer names: towards clients, backends and sources. */
export function certificateReferencesOf(balancer: Balancer): readonly CertificateReference[] {
  const shown = (balancer.tls?.certificates ?? []).flatMap((certificate, index) =>
    referenceAt(pointerOf(["tls", "certificates", index]), certificate),
  );
  const backends = referenceAt(
    "/backendTls/clientCertificate",
    balancer.backendTls?.clientCertificate,
  );
  const sources = sourcesOf(balancer.discovery).flatMap(({ source, pointer }) =>
    referenceAt(`${pointer}/tls/clientCertificate`, clientCertificateOf(source)),
  );
  return [...shown, ...backends, ...sources];
}

/** Their ids, each once. */
export function certificateIdsOf(balancer: Balancer): readonly string[] {
  return [...new Set(certificateReferencesOf(balancer).map(({ id }) => id))];
}

function clientCertificateOf(source: Source): object | undefined {
  return "tls" in source ? source.tls?.clientCertificate : undefined;
}

function referenceAt(
  pointer: string,
  certificate: object | undefined,
): readonly CertificateReference[] {
  if (certificate === undefined || !("certificate" in certificate)) return [];
  const { certificate: id } = certificate;
  return typeof id === "string" ? [{ pointer: `${pointer}/certificate`, id }] : [];
}
