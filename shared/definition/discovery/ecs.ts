import { z } from "zod";

import { portSchema, textSchema } from "../fields.ts";
import { section } from "../section.ts";
import { awsShape } from "./aws.ts";

/** Backends from the running tasks of an ECS service. */
export const ecsDiscoverySchema = section({
  kind: z.literal("ecs"),
  cluster: textSchema.meta({ description: "Name or ARN", examples: ["shop"] }),
  serviceName: textSchema.meta({ examples: ["web"] }),
  containerName: textSchema.optional().meta({
    description:
      "Any container with the port unless given; tasks with an address of their own ignore it",
  }),
  containerPort: portSchema,
  ec2Endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description:
        "Of EC2, which is asked for the instances of tasks without an address of their own",
    }),
  ...awsShape,
}).meta({ id: "EcsDiscovery", description: "Backends from the running tasks of an ECS service" });
