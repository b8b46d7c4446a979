import { z } from "zod";

import { httpUrlSchema } from "../fields.ts";
import { patternField } from "../pattern-field.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";
import { httpRequestShape } from "./http-request.ts";

/** Backends from lines of text over HTTP. */
export const plaintextDiscoverySchema = section({
  kind: z.literal("plaintext"),
  endpoint: httpUrlSchema,
  regexPattern: patternField({ groups: ["host", "port"] })
    .optional()
    .meta({
      description:
        "RE2 with named groups host, port, weight, priority, max_connections, sni; " +
        "the grammar of backend lines unless given",
      examples: ["^(?P<host>\\S+):(?P<port>\\d+)$"],
    }),
  ...httpRequestShape,
  ...fetchingShape(remoteTimeoutDefault),
}).meta({ id: "PlaintextDiscovery", description: "Backends from lines of text over HTTP" });
