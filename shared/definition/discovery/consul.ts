import { z } from "zod";

import { hostPortSchema, textSchema } from "../fields.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { fetchingShape, localTimeoutDefault } from "./fetching.ts";
import { sourceTlsSchema } from "./source-tls.ts";

/** Backends from the instances of a Consul service. */
export const consulDiscoverySchema = section({
  kind: z.literal("consul"),
  host: hostPortSchema.meta({
    description: "The Consul agent",
    examples: ["127.0.0.1:8500"],
  }),
  serviceName: textSchema,
  serviceTag: textSchema.optional().meta({ description: "Only instances with this tag" }),
  // Our own checks decide; two judges would have to agree about every backend.
  servicePassingOnly: z.boolean().default(false).meta({
    description: "Only instances whose Consul checks pass",
  }),
  datacenter: textSchema.optional(),
  auth: section({ username: textSchema, password: secretSchema })
    .optional()
    .meta({ description: "HTTP Basic" }),
  aclToken: secretSchema.optional(),
  tls: sourceTlsSchema.optional(),
  ...fetchingShape(localTimeoutDefault),
}).meta({ id: "ConsulDiscovery", description: "Backends from a Consul service" });
