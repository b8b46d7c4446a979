import { z } from "zod";

import { backendsPerBalancerMax } from "../../base/limits.ts";
import { backendLineCharsMax, lineProblemText, parseBackendLine } from "../backend-line.ts";
import { listedBackendSchema } from "../backend.ts";
import { boundedText, refuse } from "../reading.ts";
import { section } from "../section.ts";

/** A backend as a line; it becomes the object it means. */
const backendLineSchema = boundedText(backendLineCharsMax)
  .meta({
    id: "BackendLine",
    description: "host:port or unix:/path [weight=N] [priority=N] [max_connections=N] [sni=NAME]",
    examples: ["10.0.0.5:80 weight=2", "unix:/run/web.sock"],
  })
  .transform((line, check): z.input<typeof listedBackendSchema> => {
    const parsed = parseBackendLine(line, { order: "any", sockets: true });
    if (parsed.ok) return parsed.backend;
    refuse(check, { code: "invalid-line", detail: lineProblemText(parsed) });
    return z.NEVER;
  })
  .pipe(listedBackendSchema);

/** Backends that are written down here. An empty list is a balancer that refuses everybody. */
export const staticDiscoverySchema = section({
  kind: z.literal("static"),
  backends: z
    .array(
      z.union([listedBackendSchema, backendLineSchema], {
        error: "a backend is an object, or a line: host:port [weight=N] …",
      }),
    )
    .max(backendsPerBalancerMax),
}).meta({ id: "StaticDiscovery", description: "Backends that are written down here" });

export type StaticDiscovery = z.output<typeof staticDiscoverySchema>;
