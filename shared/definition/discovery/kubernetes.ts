import { z } from "zod";

import { httpUrlSchema, portSchema } from "../fields.ts";
import { boundedText, refuse } from "../reading.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";
import { sourceTlsSchema } from "./source-tls.ts";

/** A name of Kubernetes' own: a DNS label (RFC 1123). */
const labelSchema = boundedText(63).regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, {
  error: "has lower-case letters and digits, and - between them",
});

/** Backends from the EndpointSlices of a Kubernetes service. */
export const kubernetesDiscoverySchema = section({
  kind: z.literal("kubernetes"),
  apiServer: httpUrlSchema.optional().meta({
    description:
      "Unless given, the API of the cluster that the agent runs in, with the token and the " +
      "authority of its service account",
    examples: ["https://10.0.0.9:6443"],
  }),
  namespace: labelSchema.default("default"),
  serviceName: labelSchema.meta({ examples: ["web"] }),
  port: z
    .union([portSchema, labelSchema], { error: "is neither a port's number nor its name" })
    .optional()
    .meta({
      description:
        "The pods' port, by its name in the service or by its number; needed when there are several",
      examples: ["http", 8080],
    }),
  addressFamily: z.enum(["IPv4", "IPv6", "any"]).optional().meta({
    description: "Of a service with both; IPv4 unless given, and IPv6 where there is no IPv4",
  }),
  bearerToken: secretSchema.optional(),
  tls: sourceTlsSchema.optional(),
  ...fetchingShape(remoteTimeoutDefault),
})
  .superRefine(({ apiServer, ...given }, check) => {
    if (apiServer !== undefined) return;
    // The service account's token goes to nobody but the API that its own authority stands for.
    for (const field of ["bearerToken", "tls"] as const) {
      if (given[field] === undefined) continue;
      const detail = "belongs to an apiServer; the cluster's own is asked with the service account";
      refuse(check, { code: "conflict", detail, path: [field] });
    }
  })
  .meta({ id: "KubernetesDiscovery", description: "Backends from a Kubernetes service" });
