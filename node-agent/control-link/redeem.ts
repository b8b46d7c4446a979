import { z } from "zod";

import { Fault } from "#shared/base/fault.ts";
import { agentAnswerBytesMax, joinMsMax } from "#shared/base/limits.ts";
import { keyIdOf, privateKeyOf } from "#shared/snapshot/keys.ts";
import { signWith } from "#shared/snapshot/signature.ts";
import { joinProofValue, joinResponseSchema, type JoinResponse } from "#shared/wire/join.ts";
import { agentPaths } from "#shared/wire/protocol.ts";

import { controlAddress } from "./control-url.ts";
import { httpCall, type HttpAnswer } from "./http-call.ts";
import type { PendingJoin } from "./identity.ts";

/** What a node says of itself when it joins. */
export interface JoiningHost {
  readonly hostname: string;
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Redemption {
  readonly token: string;
  readonly keys: Pick<PendingJoin, "control" | "signing" | "receiving">;
  readonly host: JoiningHost;
  readonly ca: string | undefined;
}

/** Why a token made no node. */
export type JoinRefusal =
  | "used"
  | "expired"
  | "revoked"
  | "unknown"
  | "full"
  | "too-many"
  | "other";

export type Redeemed =
  | { readonly kind: "joined"; readonly response: JoinResponse }
  /** `detail` is the control plane's own text. */
  | { readonly kind: "refused"; readonly why: JoinRefusal; readonly detail: string };

/**
 * Redeems a join token for these keys. The private halves stay here; that they are held is proved.
 *
 * @throws Fault `control-link/unreachable`, `/timeout` and the like when there is no answer
 */
export async function redeem(redemption: Redemption): Promise<Redeemed> {
  const { keys, ca } = redemption;
  const answer = await httpCall({
    method: "POST",
    url: controlAddress(keys.control, agentPaths.join),
    headers: { accept: "application/json" },
    body: JSON.stringify(requestOf(redemption)),
    ca,
    timeoutMs: joinMsMax,
    bytesMax: agentAnswerBytesMax,
  });
  if (answer.status === 200 || answer.status === 201) {
    return { kind: "joined", response: joinedFrom(answer) };
  }
  return refusedBy(answer);
}

function requestOf({ token, keys, host }: Redemption): object {
  const [signingKey, receivingKey] = [keys.signing.publicKey, keys.receiving.publicKey];
  const key = { keyId: keyIdOf(signingKey), privateKey: privateKeyOf(keys.signing.privateKey) };
  const value = joinProofValue({ token, signingKey, receivingKey });
  const proof = signWith(key, "midstream.node.v1", value).value;
  return { token, signingKey, receivingKey, proof, ...host };
}

function joinedFrom(answer: HttpAnswer): JoinResponse {
  const parsed = joinResponseSchema.safeParse(parsedJson(answer.body));
  if (parsed.success) return parsed.data;
  const message = "what answered is not a control plane of Midstream: check its address";
  throw new Fault({ code: "control-link/bad-answer", owner: "platform", message });
}

const problemSchema = z.object({ code: z.string().optional(), detail: z.string().optional() });

const refusals: Readonly<Record<string, JoinRefusal>> = {
  "http/join-token-used": "used",
  "http/join-token-expired": "expired",
  "http/join-token-revoked": "revoked",
  "http/join-token-unknown": "unknown",
  "http/node-limit-reached": "full",
  "http/too-many-requests": "too-many",
};

function refusedBy({ status, body }: HttpAnswer): Redeemed {
  const problem = problemSchema.safeParse(parsedJson(body));
  const { code = "", detail = "" } = problem.success ? problem.data : {};
  const said = detail === "" ? `status ${status}` : `status ${status}: ${detail}`;
  return { kind: "refused", why: refusals[code] ?? "other", detail: said };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
