import { z } from "zod";

import { portSchema, textSchema } from "../fields.ts";
import { section } from "../section.ts";
import { awsShape } from "./aws.ts";

/** Backends from the instances of a service in AWS Cloud Map. */
export const cloudMapDiscoverySchema = section({
  kind: z.literal("cloudmap"),
  namespaceName: textSchema.meta({ examples: ["shop.internal"] }),
  serviceName: textSchema.meta({ examples: ["web"] }),
  healthStatus: z.enum(["HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL"]).optional().meta({
    description: "Instances with this health in Cloud Map; HEALTHY_OR_ELSE_ALL unless given",
  }),
  port: portSchema.optional().meta({ description: "Of instances that name none" }),
  ...awsShape,
}).meta({ id: "CloudMapDiscovery", description: "Backends from a service in AWS Cloud Map" });
