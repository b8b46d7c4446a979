import { z } from "zod";

import { clientRateMax } from "../base/limits.ts";
import { durationField } from "./duration-field.ts";
import { countSchema } from "./fields.ts";
import { section } from "./section.ts";

/** What one client may take; clients are told apart by the first bits of their address. */
const perClientSchema = section({
  // Each of the two limits stands alone.
  maxConnections: countSchema.default(0).meta({
    description: "Concurrent connections of one client; 0 is without limit",
  }),
  newPerSecond: z.int().min(0).max(clientRateMax).default(0).meta({
    description:
      "New connections of one client a second, and at most so many at once; 0 is without limit",
  }),
  // One address is one client.
  ipv4Prefix: z.int().min(1).max(32).default(32).meta({
    description: "Bits of an IPv4 address that tell clients apart",
  }),
  // A household or a host has a whole /64 of addresses to choose from.
  ipv6Prefix: z.int().min(1).max(128).default(64).meta({
    description: "Bits of an IPv6 address that tell clients apart",
  }),
}).meta({ id: "PerClient", description: "What one client may take" });

/** Bounds of one balancer's connections, on each node. */
export const limitsSchema = section({
  // What a host can carry is known to its owner; the agent has a limit of its own for descriptors.
  maxConnections: countSchema.default(0).meta({
    description: "Concurrent client connections on one node; 0 is without limit",
  }),
  // Databases, shells and event streams are silent for hours and alive; keep-alive finds dead peers.
  clientIdleTimeout: durationField().prefault("0").meta({
    description: 'Silence of the client after which a connection ends; "0" is never',
  }),
  // As for clients.
  backendIdleTimeout: durationField().prefault("0").meta({
    description: 'Silence of the backend after which a connection ends; "0" is never',
  }),
  // The system's own limit is over two minutes, in which a client learns nothing and no other
  // backend is tried. Five seconds survive two lost SYNs (1 s + 2 s).
  backendConnectionTimeout: durationField().prefault("5s").meta({
    description: 'Time to connect to a backend; "0" leaves it to the operating system',
  }),
  // One-way cuts a long download because the client, rightly, says nothing.
  idleMode: z.enum(["twoWay", "oneWay"]).default("twoWay").meta({
    description:
      "twoWay: traffic in either direction counts as activity of both; oneWay: each side by what it sends",
  }),
  perClient: perClientSchema.optional().meta({
    description: "What one client may take of the balancer on each node",
  }),
}).meta({ id: "Limits", description: "Bounds of the connections, on each node" });
