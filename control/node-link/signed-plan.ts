import { z } from "zod";

import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import type { Signer } from "#shared/snapshot/signature.ts";
import type { PlanArgs, SignedPlan } from "#shared/wire/plan.ts";

/** A plan's question as it was stored by whoever asked. */
const storedArgsSchema = z.object({ balancer: z.string().nullable(), definition: z.unknown() });

/** A plan's question, ready to be signed for any node. */
export interface PlanToSign extends Omit<PlanArgs, "signature"> {
  readonly definitionHash: string;
}

/** Reads a question's stored arguments. Undefined when they are none of a plan. */
export function planToSign(args: unknown): PlanToSign | undefined {
  const stored = storedArgsSchema.safeParse(args);
  if (!stored.success) return undefined;
  const definitionHash = sha256Hex(canonicalJson(stored.data.definition));
  return { ...stored.data, definitionHash };
}

/**
 * The question as it goes to one node: a node looks around on its host and dials, so it has to know
 * that it was the control plane who asked, and whom.
 */
export async function signedPlan(
  signer: Pick<Signer, "sign">,
  { balancer, definition, definitionHash }: PlanToSign,
  to: Pick<SignedPlan, "node" | "question">,
): Promise<PlanArgs> {
  const signed: SignedPlan = { ...to, balancer, definitionHash };
  const signature = await signer.sign("midstream.plan.v1", signed);
  return { balancer, definition, signature };
}
