import { createSecureContext } from "node:tls";

import { errorText } from "#shared/base/fault.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { BackendTls } from "#shared/definition/backend-tls.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { isSecretReference } from "#shared/definition/secret.ts";
import type { Tls } from "#shared/definition/tls.ts";

import { readSmallFile, type ReadFile } from "../runtime/read-small-file.ts";
import { badAuthorities } from "./authorities.ts";
import { chainEndMs, type CertificateEnd } from "./chain-end.ts";
import { handshakeTerms, type OpenSslHandshake } from "./handshake-terms.ts";
import { identitiesOf, type Identity } from "./identities.ts";
import { judgeFileChain, type FileChainTerms } from "./judge-file-chain.ts";
import { openPair, type KeyPair } from "./key-pair.ts";
import type { StoredCertificates } from "./stored-certificates.ts";

export interface LoadTlsDeps {
  /** What the control plane keeps for this node. */
  readonly stored: Pick<StoredCertificates, "get"> | undefined;
  /** Whom to trust where nobody says otherwise, in PEM. */
  readonly usualAuthorities: () => string;
}

/** What a balancer's TLS is made of, read and checked. */
export interface LoadedTls {
  readonly clients: LoadedClientTls | undefined;
  readonly backends: LoadedBackendTls | undefined;
  /** Of all certificates above that are shown, in the order of their pointers. */
  readonly ends: readonly CertificateEnd[];
  /** Of all certificates above that come from files, with their issuers, in PEM. */
  readonly fileChains: readonly string[];
  /** What is wrong with chains above that serve all the same. */
  readonly doubts: readonly Problem[];
}

export interface LoadedClientTls {
  readonly identities: readonly Identity[];
  /** Pointers of certificates that stand beside another one for the same names, with another key. */
  readonly seconds: readonly string[];
  readonly authoritiesPem: string;
  readonly handshake: OpenSslHandshake;
}

export interface LoadedBackendTls {
  readonly pair: KeyPair | undefined;
  readonly authoritiesPem: string;
  readonly handshake: OpenSslHandshake;
}

export type LoadTlsOutcome =
  | { readonly ok: true; readonly value: LoadedTls }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads the certificates, keys and authorities that a definition names, its secrets revealed. What
 * cannot be used is told with its pointer, and nothing of a key is ever part of that.
 */
export async function loadTls(
  deps: LoadTlsDeps,
  { tls, backendTls }: Pick<Balancer, "tls" | "backendTls">,
  files: FileChainTerms,
): Promise<LoadTlsOutcome> {
  const problems: Problem[] = [];
  const loading: Loading = { deps, files, problems, doubts: [], fileChains: [], ends: [] };
  const clients = tls && (await loadClients(loading, tls));
  const backends = backendTls && (await loadBackends(loading, backendTls));
  if (problems.length > 0) return { ok: false, problems };
  const ends = loading.ends.toSorted((a, b) => pointerOrder.compare(a.pointer, b.pointer));
  const { fileChains, doubts } = loading;
  return { ok: true, value: { clients, backends, ends, fileChains, doubts } };
}

/** Numbers count as numbers: the tenth certificate stands after the second. */
const pointerOrder = new Intl.Collator("en", { numeric: true });

interface Loading {
  readonly deps: LoadTlsDeps;
  readonly files: FileChainTerms;
  readonly problems: Problem[];
  readonly doubts: Problem[];
  readonly fileChains: string[];
  readonly ends: CertificateEnd[];
}

async function loadClients(loading: Loading, tls: Tls): Promise<LoadedClientTls> {
  const loaded = await Promise.all(
    tls.certificates.map((certificate, index) =>
      loadPair(loading, certificate, certificatePointer(index)),
    ),
  );
  const pairs = loaded.filter((pair) => pair !== undefined);
  const identities = identitiesOf(pairs);
  const seconds = new Set(identities.flatMap((identity) => identity.pairs.slice(1)));
  const { clientAuth } = tls;
  const authority = clientAuth?.mode === "verify" ? clientAuth.authority : undefined;
  const authoritiesPem =
    authority === undefined
      ? ""
      : await loadAuthorities(loading, authority, "/tls/clientAuth/authority");
  const handshake = checkedHandshake(loading, tls, "/tls");
  return {
    identities,
    seconds: loaded.flatMap((pair, index) =>
      pair !== undefined && seconds.has(pair) ? [certificatePointer(index)] : [],
    ),
    authoritiesPem,
    handshake,
  };
}

function certificatePointer(index: number): string {
  return `/tls/certificates/${index}`;
}

async function loadBackends(loading: Loading, tls: BackendTls): Promise<LoadedBackendTls> {
  const { clientCertificate } = tls;
  const pair =
    clientCertificate &&
    (await loadPair(loading, clientCertificate, "/backendTls/clientCertificate"));
  const authoritiesPem = await backendAuthorities(loading, tls);
  const handshake = checkedHandshake(loading, tls, "/backendTls");
  return { pair, authoritiesPem, handshake };
}

async function backendAuthorities(
  loading: Loading,
  { ignoreVerify, rootCa }: BackendTls,
): Promise<string> {
  if (ignoreVerify) return "";
  if (rootCa === undefined) return loading.deps.usualAuthorities();
  return loadAuthorities(loading, rootCa, "/backendTls/rootCa");
}

type Named = Tls["certificates"][number] | NonNullable<BackendTls["clientCertificate"]>;

async function loadPair(
  loading: Loading,
  named: Named,
  pointer: string,
): Promise<KeyPair | undefined> {
  const refuse = (code: string, detail: string): undefined => {
    loading.problems.push({ pointer, code, detail });
    return undefined;
  };
  const read = await readPair(loading.deps, named);
  if (!read.ok) return refuse(read.code, read.detail);
  const opened = openPair(read.pair, read.passphrase);
  if (!opened.ok) return refuse("bad-certificate", opened.detail);
  if ("files" in named) {
    const { certificatePem } = opened.pair;
    const judged = judgeFileChain(loading.files, opened.chain, { certificatePem, pointer });
    loading.problems.push(...judged.problems);
    loading.doubts.push(...judged.doubts);
    loading.fileChains.push(certificatePem);
  }
  loading.ends.push({ pointer, notAfterMs: chainEndMs(opened.chain) });
  return opened.pair;
}

type ReadPair =
  | { readonly ok: true; readonly pair: KeyPair; readonly passphrase: string | undefined }
  | { readonly ok: false; readonly code: string; readonly detail: string };

async function readPair({ stored }: LoadTlsDeps, named: Named): Promise<ReadPair> {
  if ("acme" in named) return notReadable("unsupported", "this agent obtains no certificates");
  if ("certificate" in named) {
    const pair = stored?.get(named.certificate);
    if (pair !== undefined) return { ok: true, pair, passphrase: undefined };
    return notReadable("not-found", `this node does not have the certificate ${named.certificate}`);
  }
  if ("pem" in named) {
    const { certificate: certificatePem, key } = named.pem;
    if (isSecretReference(key)) return notReadable("no-secret", unknownSecret(key.secret));
    return { ok: true, pair: { certificatePem, keyPem: key }, passphrase: undefined };
  }
  const { certPath, keyPath, passphrase } = named.files;
  if (passphrase !== undefined && isSecretReference(passphrase)) {
    return notReadable("no-secret", unknownSecret(passphrase.secret));
  }
  const certificate = await readSmallFile(certPath);
  if (!certificate.ok) return notReadable("bad-file", certificate.detail);
  const key = await readSmallFile(keyPath);
  if (!key.ok) return notReadable("bad-file", key.detail);
  const pair = { certificatePem: certificate.value, keyPem: key.value };
  return { ok: true, pair, passphrase };
}

function notReadable(code: string, detail: string): ReadPair {
  return { ok: false, code, detail };
}

function unknownSecret(id: string): string {
  return `the secret ${id} is not known to this node`;
}

type Authority = NonNullable<BackendTls["rootCa"]>;

async function loadAuthorities(
  { problems }: Loading,
  authority: Authority,
  pointer: string,
): Promise<string> {
  const read: ReadFile =
    "file" in authority ? await readSmallFile(authority.file) : { ok: true, value: authority.pem };
  const detail = read.ok ? badAuthorities(read.value) : read.detail;
  if (read.ok && detail === undefined) return read.value;
  problems.push({ pointer, code: read.ok ? "bad-authority" : "bad-file", detail: detail ?? "" });
  return "";
}

/** OpenSSL has the last word on what it can agree on. */
function checkedHandshake(
  { problems }: Loading,
  tls: Parameters<typeof handshakeTerms>[0],
  pointer: string,
): OpenSslHandshake {
  const handshake = handshakeTerms(tls);
  const { cipherList, cipherSuites, minVersion, maxVersion } = handshake;
  const ciphers = [cipherSuites, cipherList].filter((list) => list !== "").join(":");
  try {
    createSecureContext({ ciphers, minVersion, maxVersion });
  } catch (error) {
    problems.push({
      pointer: `${pointer}/ciphers`,
      code: "bad-handshake",
      detail: errorText(error),
    });
  }
  return handshake;
}
