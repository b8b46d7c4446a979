import type { Balancer } from "#shared/definition/balancer.ts";
import { sourcesOf } from "#shared/definition/discovery/discovery.ts";

/** A file of the host that a balancer names, and where it does. */
export interface NamedFile {
  readonly path: string;
  /** JSON pointer into the balancer. */
  readonly pointer: string;
}

type Authority = NonNullable<Balancer["backendTls"]>["rootCa"];

/** The files that TLS is made of, towards whomever: clients, backends, what is checked, and sources. */
export function namedFiles(balancer: Balancer): readonly NamedFile[] {
  const { tls, backendTls, healthcheck, discovery } = balancer;
  const { clientAuth, certificates = [] } = tls ?? {};
  const authority = clientAuth?.mode === "verify" ? clientAuth.authority : undefined;
  const checkTls = "tls" in healthcheck ? healthcheck.tls : undefined;
  return [
    ...certificates.flatMap((one, index) => pairFiles(one, `/tls/certificates/${index}`)),
    ...authorityFiles(authority, "/tls/clientAuth/authority"),
    ...outgoing(backendTls, "/backendTls"),
    ...outgoing(checkTls, "/healthcheck/tls"),
    ...sourcesOf(discovery).flatMap(({ source, pointer }) =>
      outgoing("tls" in source ? source.tls : undefined, `${pointer}/tls`),
    ),
  ];
}

/** Of a section by which we are the client. */
function outgoing(
  tls: { readonly rootCa?: Authority; readonly clientCertificate?: object | undefined } | undefined,
  pointer: string,
): readonly NamedFile[] {
  return [
    ...authorityFiles(tls?.rootCa, `${pointer}/rootCa`),
    ...pairFiles(tls?.clientCertificate ?? {}, `${pointer}/clientCertificate`),
  ];
}

function pairFiles(
  pair: object | { readonly files: { readonly certPath: string; readonly keyPath: string } },
  pointer: string,
): readonly NamedFile[] {
  if (!("files" in pair)) return [];
  const { certPath, keyPath } = pair.files;
  return [
    { path: certPath, pointer: `${pointer}/files/certPath` },
    { path: keyPath, pointer: `${pointer}/files/keyPath` },
  ];
}

function authorityFiles(authority: Authority, pointer: string): readonly NamedFile[] {
  if (authority === undefined || !("file" in authority)) return [];
  return [{ path: authority.file, pointer: `${pointer}/file` }];
}
