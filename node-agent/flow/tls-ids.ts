import type { TlsTermsId } from "../engine/tls-terms.ts";
import type { BalancerKey } from "./worker-protocol.ts";

/** The number of a balancer's TLS towards clients, in every engine. */
export function clientTlsOf(key: BalancerKey): TlsTermsId {
  return key * 2;
}

/** The same towards backends. */
export function backendTlsOf(key: BalancerKey): TlsTermsId {
  return key * 2 + 1;
}
