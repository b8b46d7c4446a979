import { keyIdOf, newKeyPair, privateKeyOf } from "#shared/snapshot/keys.ts";
import { signWith } from "#shared/snapshot/signature.ts";
import { joinProofValue, type JoinRequest } from "#shared/wire/join.ts";

/** A join request as a node would make it, with keys that exist nowhere else. */
export function newJoinRequest(token: string): JoinRequest {
  const signing = newKeyPair("ed25519");
  const keys = {
    token,
    signingKey: signing.publicKey,
    receivingKey: newKeyPair("x25519").publicKey,
  };
  const key = { keyId: keyIdOf(signing.publicKey), privateKey: privateKeyOf(signing.privateKey) };
  const proof = signWith(key, "midstream.node.v1", joinProofValue(keys)).value;
  return { ...keys, hostname: "test", agent: "0.0.0", labels: {}, proof };
}
