import { z } from "zod";

import { httpUrlSchema, textSchema } from "../fields.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { fetchingShape, localTimeoutDefault } from "./fetching.ts";
import { sourceTlsSchema } from "./source-tls.ts";

/** Backends from the keys of an etcd (3.4 or newer) that begin with a prefix. */
export const etcdDiscoverySchema = section({
  kind: z.literal("etcd"),
  endpoint: httpUrlSchema.meta({
    description: "A member of the cluster",
    examples: ["http://127.0.0.1:2379"],
  }),
  prefix: textSchema.meta({
    description:
      "Each key that begins with it holds a backend: a line, or an object with the fields of " +
      "a json discovery",
    examples: ["/services/web/"],
  }),
  auth: section({ username: textSchema, password: secretSchema }).optional(),
  tls: sourceTlsSchema.optional(),
  ...fetchingShape(localTimeoutDefault),
}).meta({ id: "EtcdDiscovery", description: "Backends from the keys of an etcd" });
