import { z } from "zod";

import { patternCharsMax, weightMax } from "../base/limits.ts";
import { countSchema, hostSchema, portSchema } from "./fields.ts";
import { section } from "./section.ts";

/** A target that traffic can go to. */
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
}).meta({ id: "Backend", description: "A target that traffic can go to" });

export type Backend = z.output<typeof backendSchema>;
