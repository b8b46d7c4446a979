import { createPrivateKey, X509Certificate } from "node:crypto";

import { errorText } from "#shared/base/fault.ts";

import { readChain } from "./chain-end.ts";

/** A certificate with its chain, and its key in clear, both PEM. */
export interface KeyPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export type OpenedPair =
  | { readonly ok: true; readonly pair: KeyPair; readonly chain: readonly X509Certificate[] }
  | { readonly ok: false; readonly detail: string };

/**
 * Opens a key, with its pass-phrase when it is encrypted, and sees that it is the certificate's.
 * What is wrong is told without anything of the key.
 */
export function openPair({ certificatePem, keyPem }: KeyPair, passphrase?: string): OpenedPair {
  const certificate = attempt(() => new X509Certificate(certificatePem));
  if (!certificate.ok) return notOk(`the certificate cannot be read: ${certificate.detail}`);
  const chain = attempt(() => readChain(certificatePem));
  if (!chain.ok) return notOk(`an issuer's certificate cannot be read: ${chain.detail}`);
  const opened = attempt(() =>
    createPrivateKey({ key: keyPem, format: "pem", passphrase: passphrase ?? "" }),
  );
  if (!opened.ok) return notOk(`the key cannot be read: ${opened.detail}`);
  if (!certificate.value.checkPrivateKey(opened.value)) {
    return notOk("the key is not the certificate's");
  }
  const clear = opened.value.export({ format: "pem", type: "pkcs8" });
  return { ok: true, pair: { certificatePem, keyPem: String(clear) }, chain: chain.value };
}

function attempt<T>(read: () => T): { ok: true; value: T } | { ok: false; detail: string } {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    return { ok: false, detail: errorText(error) };
  }
}

function notOk(detail: string): OpenedPair {
  return { ok: false, detail };
}
