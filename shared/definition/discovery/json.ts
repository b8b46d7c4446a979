import { z } from "zod";

import { httpUrlSchema } from "../fields.ts";
import { jsonPathField } from "../json-path.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";
import { httpRequestShape } from "./http-request.ts";

/**
 * Backends from a JSON array over HTTP. A pattern is the way to a field inside an element: keys
 * with dots between them, `[n]` for elements, quotes around keys that hold dots. Each default is
 * the name that gobetween and this API give the field.
 */
export const jsonDiscoverySchema = section({
  kind: z.literal("json"),
  endpoint: httpUrlSchema,
  itemsPattern: jsonPathField()
    .optional()
    .meta({
      description: "The way to the array; the answer is the array itself unless given",
      examples: ["result.nodes"],
    }),
  hostPattern: jsonPathField().default("host"),
  portPattern: jsonPathField().default("port"),
  weightPattern: jsonPathField().default("weight"),
  priorityPattern: jsonPathField().default("priority"),
  sniPattern: jsonPathField().default("sni"),
  maxConnectionsPattern: jsonPathField().default("max_connections"),
  ...httpRequestShape,
  ...fetchingShape(remoteTimeoutDefault),
}).meta({ id: "JsonDiscovery", description: "Backends from a JSON array over HTTP" });
