import { z } from "zod";

import { durationField } from "./duration-field.ts";
import { countSchema } from "./fields.ts";
import { section } from "./section.ts";

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
}).meta({ id: "Limits", description: "Bounds of the connections, on each node" });
