import { z } from "zod";

import { backendsPerBalancerMax, patternCharsMax, weightMax } from "../base/limits.ts";
import { backendSchema } from "./backend.ts";
import { durationField } from "./duration-field.ts";
import { countSchema } from "./fields.ts";
import { storableText } from "./reading.ts";
import { section } from "./section.ts";

/** What a backend is there for: told by whoever manages it, whatever its checks say. */
export const backendStates = ["enabled", "disabled", "draining", "cut"] as const;
export type BackendState = (typeof backendStates)[number];

const managedTermsShape = {
  override: z.boolean().optional().meta({
    description: "Changes the backend while a source names it, and adds none",
  }),
  weight: z.int().min(0).max(weightMax).optional().meta({
    description: "Share of the traffic within its priority; what a source says, else 1",
  }),
  priority: z.int().min(0).max(weightMax).optional().meta({
    description: "Tier: lower numbers first; what a source says, else 1",
  }),
  maxConnections: countSchema.optional().meta({
    description: "Concurrent connections from one node; what a source says, else 0: without limit",
  }),
  sni: storableText().max(patternCharsMax).optional().meta({
    description: "Host name, or pattern, of the TLS clients it serves",
  }),
  alpn: backendSchema.shape.alpn.meta({
    description:
      "Application protocols (ALPN) of the TLS clients it serves; what a source says, else any. Needs the `sni` section",
  }),
  proxyProtocol: backendSchema.shape.proxyProtocol.meta({
    description:
      "false leaves out the header of the balancer's `proxyProtocol` section; what a source says, else true",
  }),
  state: z
    .enum(backendStates)
    .optional()
    .meta({
      description:
        "`enabled` unless given. The others get no new connections. Of `disabled` the open ones go " +
        "on, of `draining` they have `drainTimeout`, of `cut` they are reset at once",
    }),
  drainTimeout: durationField()
    .optional()
    .meta({
      description:
        "Time that open connections have from the moment a node hears of `draining`; the " +
        "balancer's `drainTimeout` unless given",
    }),
};

/**
 * A backend that is managed by itself, beside what the sources name: added, changed, drained, and
 * taken out one by one. What it says wins over what a source says of the same target; what it
 * leaves out, the source says.
 */
export const managedBackendSchema = section({
  host: backendSchema.shape.host,
  port: backendSchema.shape.port,
  ...managedTermsShape,
}).meta({ id: "ManagedBackend", description: "A backend that is managed beside the sources" });

const {
  override,
  weight,
  priority,
  maxConnections,
  sni,
  alpn,
  proxyProtocol,
  state,
  drainTimeout,
} = managedTermsShape;

/** What changes in a managed backend: null takes a field away, what is left out stays. */
export const managedPatchSchema = section({
  override: override.nullable(),
  weight: weight.nullable(),
  priority: priority.nullable(),
  maxConnections: maxConnections.nullable(),
  sni: sni.nullable(),
  alpn: alpn.nullable(),
  proxyProtocol: proxyProtocol.nullable(),
  state: state.nullable(),
  drainTimeout: drainTimeout.nullable(),
}).meta({
  id: "ManagedBackendPatch",
  description: "Fields to change; null takes one away, so that the source's word counts again",
});

export const managedBackendsSchema = z
  .array(managedBackendSchema)
  .max(backendsPerBalancerMax)
  .meta({ description: "Backends that are managed one by one, beside the sources" });

export type ManagedBackend = z.output<typeof managedBackendSchema>;
export type ManagedPatch = z.output<typeof managedPatchSchema>;
