import type { ClientTlsFacts, TlsOutcome, TlsTermsVersion } from "../tls-terms.ts";
import type { NativeTlsFacts, NativeTlsRefusal } from "./native-addon.ts";

const versions: ReadonlySet<string> = new Set<TlsTermsVersion>([
  "TLSv1",
  "TLSv1.1",
  "TLSv1.2",
  "TLSv1.3",
]);

/** What an engine that has stopped says to terms of TLS. */
export const stoppedTls: TlsOutcome = {
  ok: false,
  code: "unsupported",
  detail: "the engine has stopped",
};

/** What became of terms that the addon was given. */
export function tlsOutcome(refusal: NativeTlsRefusal | undefined): TlsOutcome {
  if (refusal === undefined) return { ok: true };
  const [code, detail] = refusal;
  return { ok: false, code, detail };
}

/** What a handshake came to; undefined when the addon does not know the connection any more. */
export function clientTlsFacts(facts: NativeTlsFacts | undefined): ClientTlsFacts | undefined {
  if (facts === undefined) return undefined;
  const [serverName, alpn, version, cipher, isResumed, commonName, isVerified = false] = facts;
  if (!isVersion(version)) return undefined;
  const client = commonName === undefined ? undefined : { commonName, isVerified };
  return { serverName, alpn, version, cipher, client, isResumed };
}

function isVersion(text: string): text is TlsTermsVersion {
  return versions.has(text);
}
