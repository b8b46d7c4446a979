import { randomUUID } from "node:crypto";

import type { Clock } from "#shared/base/clock.ts";
import { keyIdOf, privateKeyOf } from "#shared/snapshot/keys.ts";
import { signWith } from "#shared/snapshot/signature.ts";
import {
  claimedValue,
  formatNodeAuthorization,
  type ClaimedRequest,
} from "#shared/wire/node-authorization.ts";

import type { Identity } from "./identity.ts";

/** Signs this node's requests, and keeps how far its clock is off. */
export interface NodeSigner {
  /** The value of the `Authorization` header. */
  authorization(request: ClaimedRequest, generation: number): string;
  /**
   * Learns the control plane's time from its refusal. The host's clock is not touched; only the
   * times in signed headers are corrected.
   */
  correctTo(controlTimeMs: number): void;
  /** Milliseconds that the control plane's clock is ahead of this host's, as far as known. */
  offsetMs(): number;
}

export function createNodeSigner(
  clock: Clock,
  identity: Pick<Identity, "node" | "signing">,
): NodeSigner {
  const key = {
    keyId: keyIdOf(identity.signing.publicKey),
    privateKey: privateKeyOf(identity.signing.privateKey),
  };
  let offsetMs = 0;
  return {
    authorization: (request, generation) => {
      const atMs = Math.max(0, Math.round(clock.nowMs() + offsetMs));
      const claim = { node: identity.node, atMs, nonce: randomUUID(), generation };
      const signature = signWith(key, "midstream.node.v1", claimedValue(request, claim));
      return formatNodeAuthorization(claim, signature.value);
    },
    correctTo: (controlTimeMs) => {
      offsetMs = controlTimeMs - clock.nowMs();
    },
    offsetMs: () => offsetMs,
  };
}
