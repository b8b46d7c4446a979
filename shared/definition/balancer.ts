import { z } from "zod";

import { accessLogSchema } from "./access-log.ts";
import { accessSchema } from "./access.ts";
import { backendTlsSchema } from "./backend-tls.ts";
import { bindsSchema } from "./bind.ts";
import { discoverySchema } from "./discovery/discovery.ts";
import { durationField } from "./duration-field.ts";
import { ejectionSchema } from "./ejection.ts";
import { nameSchema } from "./fields.ts";
import { healthcheckSchema } from "./healthcheck/healthcheck.ts";
import { inboundProxyProtocolSchema } from "./inbound-proxy-protocol.ts";
import { limitsSchema } from "./limits.ts";
import { managedBackendsSchema } from "./managed-backend.ts";
import { proxyProtocolSchema } from "./proxy-protocol.ts";
import { section } from "./section.ts";
import { sniSchema } from "./sni.ts";
import { strategyOptionsSchema, strategySchema } from "./strategy.ts";
import { tlsSchema } from "./tls.ts";
import { udpSchema } from "./udp.ts";

/**
 * What a tenant defines: where it listens, how it elects, discovers and checks.
 *
 * The schema knows the fields; rules between them are in `checkBalancer`, the one door for anything
 * that comes from outside. Its output is the stored form: every default filled in.
 *
 * INVARIANT: a field added later is optional and has no default. The stored form of what exists
 * then stays the same, and so does its hash, which is what nodes compare.
 */
export const balancerSchema = section({
  // Says which reading of the fields applies, should one ever have to change.
  schema: z.literal(1).default(1).meta({ description: "Version of this shape" }),
  name: nameSchema.meta({ description: "Unique within the tenant" }),
  // The group that every tenant has.
  group: nameSchema.default("default").meta({ description: "The nodes that run it" }),
  bind: bindsSchema.meta({ description: "Where to listen: one or more" }),
  // What most services speak.
  protocol: z.enum(["tcp", "tls", "udp"]).default("tcp").meta({
    description:
      "tls terminates the clients' TLS; to pass it through use tcp, with `sni` if needed",
  }),
  // Even shares at random need no memory and no agreement between workers.
  strategy: strategySchema.default("weight"),
  strategyOptions: strategyOptionsSchema.optional(),
  discovery: discoverySchema,
  managedBackends: managedBackendsSchema.optional(),
  // A balancer that sends clients to dead backends is no balancer. (udp: none, it has no handshake.)
  healthcheck: healthcheckSchema.prefault({ kind: "ping" }).meta({
    description: "ping unless given; none unless given with protocol udp",
  }),
  ejection: ejectionSchema.optional(),
  limits: limitsSchema.prefault({}),
  sni: sniSchema.optional(),
  tls: tlsSchema.optional(),
  backendTls: backendTlsSchema.optional(),
  udp: udpSchema.optional(),
  access: accessSchema.optional(),
  proxyProtocol: proxyProtocolSchema.optional(),
  inboundProxyProtocol: inboundProxyProtocolSchema.optional(),
  accessLog: accessLogSchema.optional(),
  // A check can be wrong, and a backend that leaves may be finishing what it has: cutting is a choice.
  cutOnBackendLoss: z
    .boolean()
    .optional()
    .meta({
      description:
        "Cuts the open connections of a backend that turns unhealthy or leaves its discovery; " +
        "otherwise they go on",
    }),
  // Long enough for requests in flight, short enough for a deployment to wait for.
  drainTimeout: durationField().prefault("30s").meta({
    description: "Time that open connections have when the balancer, or a bind of it, is removed",
  }),
}).meta({ id: "Balancer", description: "Where it listens, how it elects, discovers and checks" });

/** The stored form: checked, defaults filled in. */
export type Balancer = z.output<typeof balancerSchema>;
/** What may be written. */
export type BalancerInput = z.input<typeof balancerSchema>;
export type Protocol = Balancer["protocol"];
