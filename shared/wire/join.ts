import { z } from "zod";

import { isStorable, notStorable } from "../definition/reading.ts";

/** A label's name is looked for, so none is quietly made another: unlike its value, it is refused. */
const labelKeySchema = z.string().max(63).refine(isStorable, notStorable.detail);

/** What a node sends to `POST /v1/agent/join`. */
export const joinRequestSchema = z.object({
  token: z.string().min(1).max(200),
  /** Raw public keys in base64url: Ed25519 to sign, X25519 to receive. */
  signingKey: z.string().regex(/^[\w-]{43}$/),
  receivingKey: z.string().regex(/^[\w-]{43}$/),
  hostname: z.string().max(255),
  agent: z.string().max(40),
  labels: z.record(labelKeySchema, z.string().max(255)).default({}),
  /** Proof of holding the signing key: over `joinProofValue`, purpose `midstream.node.v1`. */
  proof: z.string().regex(/^[\w-]{86}$/),
});
export type JoinRequest = z.output<typeof joinRequestSchema>;

/** What the control plane answers. */
export const joinResponseSchema = z.object({
  node: z.string().max(64),
  tenant: z.string().max(64),
  group: z.string().max(64),
  epoch: z.int().min(1),
  /** Whom the node trusts to sign snapshots: raw Ed25519 public keys in base64url. */
  signingKeys: z
    .array(z.string().regex(/^[\w-]{43}$/))
    .min(1)
    .max(8),
});
export type JoinResponse = z.output<typeof joinResponseSchema>;

/** The value that proves that the sender of a join request holds the key it registers. */
export function joinProofValue(
  request: Pick<JoinRequest, "token" | "signingKey" | "receivingKey">,
): unknown {
  const { token, signingKey, receivingKey } = request;
  return { token, signingKey, receivingKey };
}
