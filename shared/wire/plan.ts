import { z } from "zod";

import {
  discoverySourcesMax,
  planBackendsMax,
  planProblemsMax,
  planTextCharsMax,
} from "../base/limits.ts";
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

/** Why a node does not ask a source for a plan. */
export const planUnaskedReasons = [
  /** The policy file of the host forbids it. */
  "denied-by-policy",
  /** A dry run's secrets are on no node, those of a balancer on the nodes that run it. */
  "secret-not-on-node",
  "certificate-not-on-node",
  /** A plan runs no command. */
  "runs-a-command",
  /** A plan makes no trust. */
  "makes-trust",
] as const;
export type PlanUnaskedReason = (typeof planUnaskedReasons)[number];

const planSourceSchema = z.object({
  pointer: z.string().max(500).meta({ description: "JSON pointer into the balancer" }),
  kind: z.string().max(40),
  state: z.enum(["answered", "failed", "not-asked"]).meta({
    description: "`failed`: `aspects.discoverable` says why",
  }),
  reason: z.enum(planUnaskedReasons).nullable().meta({ description: "Why it was not asked" }),
  backends: z.int().min(0).meta({ description: "Those it named" }),
  skipped: z.int().min(0).meta({ description: "Parts of its answer that were no backends" }),
  firstSkipped: shortText.meta({ description: "What was wrong with the first of them" }),
});
export type PlanSource = z.output<typeof planSourceSchema>;

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
    found: z.int().min(0).meta({
      description: "Backends that the sources named, each once, and those that are managed",
    }),
    tried: z.int().min(0).max(planBackendsMax).meta({ description: "Those that were dialled" }),
    reachable: z.int().min(0).meta({ description: "Those that accepted a connection" }),
  }),
  sources: z.array(planSourceSchema).max(discoverySourcesMax).optional().meta({
    description: "Each source, in their order; left out by an agent that did not look, or is older",
  }),
});
export type PlanResult = z.output<typeof planResultSchema>;
