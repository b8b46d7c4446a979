import { z } from "zod";

import { httpUrlSchema, textSchema } from "../fields.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";

/**
 * Backends from a JSON array over HTTP. A pattern is the way to a field inside an element: keys
 * with dots between them, `[n]` for elements, quotes around keys that hold dots. Each default is
 * the name that gobetween and this API give the field.
 */
export const jsonDiscoverySchema = section({
  kind: z.literal("json"),
  endpoint: httpUrlSchema,
  hostPattern: textSchema.default("host"),
  portPattern: textSchema.default("port"),
  weightPattern: textSchema.default("weight"),
  priorityPattern: textSchema.default("priority"),
  sniPattern: textSchema.default("sni"),
  maxConnectionsPattern: textSchema.default("max_connections"),
  ...fetchingShape(remoteTimeoutDefault),
}).meta({ id: "JsonDiscovery", description: "Backends from a JSON array over HTTP" });
