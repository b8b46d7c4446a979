import { constants, randomBytes } from "node:crypto";
import type { SecureContext, SecureContextOptions } from "node:tls";

import type { ClientTlsTerms, TlsIdentity } from "../tls-terms.ts";
import { askForTicketKeys, type TicketKeyAnswer } from "./node-tls-inside.ts";
import { buildContext, type Built } from "./tls-context.ts";

/** Terms of TLS towards clients, ready for handshakes. */
export interface ClientTls {
  readonly terms: ClientTlsTerms;
  /** Of the first identity. */
  readonly usual: SecureContext;
  /** Of the identity that holds the name, or else the first; undefined when there is no other. */
  readonly contextFor: ((serverName: string) => SecureContext) | undefined;
}

export function buildClientTls(terms: ClientTlsTerms): Built<ClientTls> {
  if (terms.ticketKeys.some((key) => key.length !== ticketKeyBytes)) {
    return { ok: false, code: "bad-ticket-key", detail: `a key has ${ticketKeyBytes} bytes` };
  }
  if (terms.alpn.some((name) => name === "" || Buffer.byteLength(name) > alpnBytesMax)) {
    return { ok: false, code: "bad-alpn", detail: "a protocol has 1 to 255 bytes" };
  }
  const isAlone = terms.identities.length === 1;
  const contexts: SecureContext[] = [];
  for (const { pairs } of terms.identities) {
    // Of a context that is chosen by name Node.js shows one pair only.
    const built = buildIdentity(terms, isAlone ? pairs : pairs.slice(0, 1));
    if (!built.ok) return built;
    contexts.push(built.value);
  }
  const [usual] = contexts;
  if (usual === undefined) {
    return { ok: false, code: "bad-certificate", detail: "there is no certificate" };
  }
  const byName = namesOf(terms.identities, contexts);
  const contextFor = (name: string): SecureContext =>
    byName.get(name) ?? byName.get(`*${name.slice(labelEnd(name))}`) ?? usual;
  return { ok: true, value: { terms, usual, contextFor: isAlone ? undefined : contextFor } };
}

/** 16 each of its name, an HMAC key and a cipher's key. */
const ticketKeyBytes = 48;
const alpnBytesMax = 255;

function buildIdentity(
  { clientAuth, handshake, ticketKeys }: ClientTlsTerms,
  pairs: TlsIdentity["pairs"],
): Built<SecureContext> {
  const { authoritiesPem } = clientAuth;
  const options: SecureContextOptions =
    ticketKeys.length === 0 ? { secureOptions: constants.SSL_OP_NO_TICKET } : {};
  const built = buildContext({ pairs, authoritiesPem, handshake, options });
  if (built.ok && ticketKeys.length > 0) useTicketKeys(built.value, ticketKeys);
  return built;
}

function useTicketKeys(context: SecureContext, given: readonly Uint8Array[]): void {
  const keys = given.map((key) => Buffer.from(key));
  const ask = (name: Buffer, isSealing: boolean): TicketKeyAnswer => {
    const at = isSealing ? 0 : keys.findIndex((key) => name.equals(key.subarray(0, 16)));
    const key = keys[at];
    return key === undefined ? { kind: "none" } : { kind: "key", key, isOld: at > 0 };
  };
  askForTicketKeys(context, ask, () => randomBytes(16));
}

/** The first identity that holds a name has it. */
function namesOf(
  identities: readonly TlsIdentity[],
  contexts: readonly SecureContext[],
): ReadonlyMap<string, SecureContext> {
  const byName = new Map<string, SecureContext>();
  for (const [index, { names }] of identities.entries()) {
    const context = contexts[index];
    if (context === undefined) continue;
    for (const name of names) if (!byName.has(name)) byName.set(name, context);
  }
  return byName;
}

/** Where the first label of a name ends. */
function labelEnd(name: string): number {
  const dot = name.indexOf(".");
  return dot === -1 ? name.length : dot;
}
