import { z } from "zod";

import {
  backendProtocolsMax,
  hostCharsMax,
  patternCharsMax,
  protocolCharsMax,
  weightMax,
} from "../base/limits.ts";
import { countSchema, hostSchema, portSchema } from "./fields.ts";
import { normalHost, readHost } from "./host.ts";
import { boundedText, readableText, type Reading } from "./reading.ts";
import { section } from "./section.ts";
import { readSocketPath, socketPathOf } from "./socket-path.ts";

/** A target that traffic can go to, as sources find it. */
export const backendSchema = section({
  host: hostSchema,
  port: portSchema,
  // Equal shares unless someone weighs.
  weight: z.int().min(0).max(weightMax).default(1).meta({
    description: "Share of the traffic within its priority; 0 gets none while another has weight",
  }),
  // All backends in one tier unless someone ranks them.
  priority: z.int().min(0).max(weightMax).default(1).meta({
    description: "Tier: a higher number is used only while no lower one has a candidate",
  }),
  // What a backend can take is known to nobody but its owner.
  maxConnections: countSchema.default(0).meta({
    description: "Concurrent connections or sessions from one node; 0 is without limit",
  }),
  // Empty is the name of a client that gave none.
  sni: z.string().max(patternCharsMax).default("").meta({
    description: "Host name, or pattern, of the TLS clients it serves; needs the `sni` section",
  }),
  alpn: z
    .array(boundedText(protocolCharsMax))
    .min(1)
    .max(backendProtocolsMax)
    .optional()
    .meta({
      description:
        "Application protocols (ALPN) of the TLS clients it serves, of those with its `sni`: it gets " +
        "only clients that offer one of them (where TLS is terminated: have agreed on one), and those " +
        "get no backend without; needs the `sni` section",
      examples: [["h2"], ["acme-tls/1"]],
    }),
  proxyProtocol: z.boolean().optional().meta({
    description: "false leaves out the header of the balancer's `proxyProtocol` section",
  }),
});

/**
 * A target that is written into a definition. Only such a one can be a Unix socket of the node: what
 * may be reached there is for the host's policy, which knows definitions and not what sources find.
 */
export const listedBackendSchema = section({
  ...backendSchema.shape,
  host: readableText(readListedHost, hostCharsMax)
    .overwrite(normalHost)
    .meta({
      description: "An address, IPv6 without brackets, a host name, or unix:/path on the node",
      examples: ["10.0.0.5", "fd00::5", "cache.internal", "unix:/run/web.sock"],
    }),
  port: z.int().min(0).max(65_535).meta({ description: "From 1 on; 0 with a Unix socket" }),
}).meta({ id: "Backend", description: "A target that traffic can go to" });

/** With a Unix socket `host` is `unix:/path` and `port` is 0. */
export type Backend = z.output<typeof backendSchema>;

function readListedHost(text: string): Reading<string> {
  const path = socketPathOf(text);
  return path === undefined ? readHost(text) : readSocketPath(path);
}
