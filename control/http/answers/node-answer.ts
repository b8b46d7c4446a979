import { z } from "zod";

import { nodeStates, type NodeView } from "../../view/node-view.ts";
import { momentSchema } from "./answer-schema.ts";
import { applyErrorAnswerSchema } from "./receipt-answer.ts";

const versionSchema = z.object({ epoch: z.int(), revision: z.int(), root: z.string() });

export const nodeAnswerSchema = z
  .object({
    id: z.string(),
    hostname: z.string(),
    group: z.string(),
    state: z.enum(nodeStates).meta({
      description: "away: not heard, which does not keep it from serving what it ran",
    }),
    connected: z.boolean(),
    desired: versionSchema.nullable(),
    running: versionSchema.nullable(),
    phase: z.string().nullable().meta({ description: "How far the desired version has come" }),
    failing: z.int().meta({ description: "Balancers of the running version that did not apply" }),
    lastError: applyErrorAnswerSchema.nullable(),
    errors: z.array(applyErrorAnswerSchema),
    durable: z.boolean().meta({ description: "false: the disk refuses the snapshot" }),
    connections: z.int(),
    lastSeenAt: momentSchema.nullable(),
    joinedAt: momentSchema,
    retiredAt: momentSchema.nullable(),
    agent: z.string(),
    os: z.string(),
    labels: z.record(z.string(), z.string()),
    capabilities: z.array(z.string()),
  })
  .meta({ id: "Node" });

nodeAnswerSchema satisfies z.ZodType<NodeView>;
