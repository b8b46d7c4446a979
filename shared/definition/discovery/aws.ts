import { z } from "zod";

import { httpUrlSchema, textSchema } from "../fields.ts";
import { boundedText } from "../reading.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";

const regionSchema = boundedText(40)
  .regex(/^[a-z]{2,4}(-[a-z]{2,10})+-\d{1,2}$/, { error: "is not the name of a region" })
  .meta({ examples: ["eu-central-1"] });

/** What all kinds that ask AWS have. */
export const awsShape = {
  region: regionSchema,
  endpoint: httpUrlSchema.optional().meta({
    description: "Instead of the service's own address in the region: a VPC endpoint, say",
  }),
  credentials: section({
    accessKeyId: textSchema,
    secretAccessKey: secretSchema,
    sessionToken: secretSchema.optional(),
  })
    .optional()
    .meta({
      description:
        "Unless given, what the node has itself: the agent's environment, its user's files, or the " +
        "role of its instance or task",
    }),
  role: section({
    arn: textSchema.regex(/^arn:/, { error: "is not an ARN" }).meta({
      examples: ["arn:aws:iam::123456789012:role/discovery"],
    }),
    externalId: textSchema.optional(),
    endpoint: httpUrlSchema.optional().meta({ description: "Of STS, instead of the region's" }),
  })
    .optional()
    .meta({ description: "A role to take on with these credentials" }),
  ...fetchingShape(remoteTimeoutDefault),
};

const awsSchema = z.object(awsShape);
/** What all kinds that ask AWS have, as it is stored. */
export type AwsDiscovery = z.output<typeof awsSchema>;
