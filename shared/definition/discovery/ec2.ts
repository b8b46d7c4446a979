import { z } from "zod";

import { ec2TagsMax } from "../../base/limits.ts";
import { portSchema, textSchema } from "../fields.ts";
import { section } from "../section.ts";
import { awsShape } from "./aws.ts";

const tagSchema = section({
  key: textSchema,
  values: z.array(textSchema).min(1).max(ec2TagsMax).optional().meta({
    description: "One of these; any unless given",
  }),
});

/** Backends from the running instances of EC2 that have all the tags. */
export const ec2DiscoverySchema = section({
  kind: z.literal("ec2"),
  tags: z
    .array(tagSchema)
    .min(1)
    .max(ec2TagsMax)
    .meta({
      description: "Instances have all of these",
      examples: [[{ key: "role", values: ["web"] }]],
    }),
  port: portSchema,
  address: z.enum(["private", "public", "ipv6"]).optional().meta({
    description: "Which of an instance's addresses; private unless given",
  }),
  ...awsShape,
}).meta({ id: "Ec2Discovery", description: "Backends from the running instances with some tags" });
