import { keyIdOf, newKeyPair, privateKeyOf } from "#shared/snapshot/keys.ts";
import { signWith, type Signer, type TrustedKeys } from "#shared/snapshot/signature.ts";

/** A signer with a key of its own, and who trusts it. */
export function testSigning(): { readonly signer: Signer; readonly trusted: TrustedKeys } {
  const pair = newKeyPair("ed25519");
  const keyId = keyIdOf(pair.publicKey);
  const key = { keyId, privateKey: privateKeyOf(pair.privateKey) };
  return {
    signer: {
      keyId,
      publicKey: pair.publicKey,
      sign: (purpose, value) => Promise.resolve(signWith(key, purpose, value)),
    },
    trusted: new Map([[keyId, pair.publicKey]]),
  };
}
