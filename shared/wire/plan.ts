import { z } from "zod";

import { planBackendsMax, planProblemsMax, planTextCharsMax } from "../base/limits.ts";
import { signatureSchema, type Signature } from "../snapshot/signature.ts";
import { idSchema } from "./common.ts";

/** What a node looks at, in this order. */
export const planAspects = [
  /** The agent has all the capabilities that the balancer needs. */
  "supported",
  /** The host's policy file allows it. */
  "permitted",
  /** Its addresses are free on the node, or are its own already. */
  "bindable",
  /** Its sources of backends answer. */
  "discoverable",
  /** The names of its backends have addresses. */
  "resolvable",
  /** Its backends accept a connection. */
  "dialable",
] as const;
export type PlanAspect = (typeof planAspects)[number];

/**
 * `args` of a `cmd` of the kind plan: a balancer as it could be defined, its secrets as references.
 * The definition is `unknown` here: an agent may be older than what it is asked about, and says so.
 */
export const planArgsSchema = z.object({
  /** The balancer that it would be; null for one that does not exist yet. */
  balancer: idSchema.nullable(),
  definition: z.unknown(),
  signature: signatureSchema,
});

/** What the control plane signs: for this node, in this question. */
export interface SignedPlan {
  readonly node: string;
  readonly question: string;
  readonly balancer: string | null;
  /** SHA-256 of the definition's canonical JSON. */
  readonly definitionHash: string;
}

/** A plan's question as it travels. */
export interface PlanArgs {
  readonly balancer: string | null;
  readonly definition: unknown;
  readonly signature: Signature;
}

const shortText = z.string().max(planTextCharsMax);

const planProblemSchema = z.object({
  pointer: z.string().max(500).meta({ description: "JSON pointer into the balancer" }),
  code: z.string().max(60),
  detail: shortText,
});
export type PlanProblem = z.output<typeof planProblemSchema>;

const findingSchema = z.object({
  state: z.enum(["yes", "no", "unknown"]).meta({
    description: "`unknown`: the node did not look, or not at all of it; `problems` says why",
  }),
  problems: z.array(planProblemSchema).max(planProblemsMax),
  /** Problems beyond those that are listed. */
  unlisted: z.int().min(0).meta({ description: "Problems beyond those that are listed" }),
});
export type PlanFinding = z.output<typeof findingSchema>;

/** What one node would find. */
export const planResultSchema = z.object({
  aspects: z.object({
    supported: findingSchema,
    permitted: findingSchema,
    bindable: findingSchema,
    discoverable: findingSchema,
    resolvable: findingSchema,
    dialable: findingSchema,
  } satisfies Record<PlanAspect, typeof findingSchema>),
  backends: z.object({
    found: z.int().min(0).meta({ description: "Backends that the sources named" }),
    tried: z.int().min(0).max(planBackendsMax).meta({ description: "Those that were dialled" }),
    reachable: z.int().min(0).meta({ description: "Those that accepted a connection" }),
  }),
});
export type PlanResult = z.output<typeof planResultSchema>;
