import { z } from "zod";

import { healthBackendsMax, planMsMax, planNodesMax } from "#shared/base/limits.ts";
import { healthResultSchema } from "#shared/wire/health.ts";

import { healthStates, type NodeHealth } from "../../view/health-view.ts";

const nodeHealthSchema = z
  .object({
    node: z.string(),
    hostname: z.string(),
    state: z.enum(healthStates).meta({
      description:
        `answered; silent: no answer within ${planMsMax / 1_000} s; away: not connected, and not ` +
        "asked; not-running: it does not serve the balancer; unsupported: its agent is too old; " +
        "failed: it could not say",
    }),
    ...healthResultSchema.shape,
  })
  .meta({ id: "NodeHealth" });

nodeHealthSchema satisfies z.ZodType<NodeHealth>;

export const healthAnswerSchema = z
  .object({
    id: z.string().meta({ description: "The balancer" }),
    group: z.string(),
    nodes: z.array(nodeHealthSchema).meta({ description: "Connected nodes first" }),
    unasked: z.int().meta({ description: `Nodes of the group beyond the first ${planNodesMax}` }),
  })
  .meta({
    id: "Health",
    description: `What each node knows: at most ${healthBackendsMax} backends of each`,
  });
