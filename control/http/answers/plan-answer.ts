import { z } from "zod";

import { planMsMax, planNodesMax } from "#shared/base/limits.ts";
import { planResultSchema } from "#shared/wire/plan.ts";

import { planStates, type NodePlan, type PlanView } from "../../view/plan-view.ts";

const { aspects, backends, sources } = planResultSchema.shape;

const finding = { problems: [], unlisted: 0 };
const yes = { state: "yes", ...finding };

const example = {
  node: "nod_01k5v0w2x3y4z5a6b7c8d9e0f1",
  hostname: "edge-1",
  state: "answered",
  fits: false,
  aspects: {
    supported: yes,
    permitted: yes,
    bindable: {
      state: "no",
      problems: [
        {
          pointer: "/bind/0",
          code: "EADDRINUSE",
          detail: "0.0.0.0:443: something on this node listens there already",
        },
      ],
      unlisted: 0,
    },
    discoverable: yes,
    resolvable: yes,
    dialable: yes,
  },
  backends: { found: 2, tried: 2, reachable: 2 },
  sources: [
    {
      ...{ pointer: "/discovery", kind: "plaintext", state: "answered", reason: null },
      ...{ backends: 2, skipped: 1, firstSkipped: 'line 3: "web": write host:port' },
    },
  ],
};

const nodePlanSchema = z
  .object({
    node: z.string(),
    hostname: z.string(),
    state: z.enum(planStates).meta({
      description:
        `answered; silent: no answer within ${planMsMax / 1_000} s; away: not connected, and not ` +
        "asked; busy: it looks into others; unsupported: its agent is too old; failed: it could " +
        "not say",
    }),
    fits: z.boolean().nullable().meta({
      description: "Whether every aspect is fine; null as long as one of them is not known",
    }),
    aspects: aspects.nullable(),
    backends: backends.nullable(),
    sources: sources.unwrap().nullable().meta({
      description: "How each source took it; null when the node does not say",
    }),
  })
  .meta({ id: "NodePlan", examples: [example] });

nodePlanSchema satisfies z.ZodType<NodePlan>;

export const planSchema = z
  .object({
    group: z.string(),
    nodes: z.array(nodePlanSchema).meta({ description: "Connected nodes first" }),
    unasked: z.int().meta({
      description: `Nodes of the group beyond the ${planNodesMax} that a plan asks`,
    }),
  })
  .meta({
    id: "PlanNotes",
    description: "What the nodes of the group would find; nothing on them was changed",
    examples: [{ group: "default", nodes: [example], unasked: 0 }],
  });

planSchema satisfies z.ZodType<PlanView>;

export const planAnswerSchema = planSchema
  .extend({
    id: z.string().meta({ description: "The balancer" }),
    revision: z.int().meta({ description: "The revision of the definition that was looked at" }),
  })
  .meta({ id: "Plan", description: "What the nodes of the group would find" });
