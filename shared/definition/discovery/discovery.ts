import { z } from "zod";

import { discoverySourcesMax } from "../../base/limits.ts";
import { section } from "../section.ts";
import { cloudMapDiscoverySchema } from "./cloud-map.ts";
import { consulDiscoverySchema } from "./consul.ts";
import { dockerDiscoverySchema } from "./docker.ts";
import { ec2DiscoverySchema } from "./ec2.ts";
import { ecsDiscoverySchema } from "./ecs.ts";
import { etcdDiscoverySchema } from "./etcd.ts";
import { execDiscoverySchema } from "./exec.ts";
import { jsonDiscoverySchema } from "./json.ts";
import { kubernetesDiscoverySchema } from "./kubernetes.ts";
import { lxdDiscoverySchema } from "./lxd.ts";
import { plaintextDiscoverySchema } from "./plaintext.ts";
import { srvDiscoverySchema } from "./srv.ts";
import { staticDiscoverySchema } from "./static.ts";

const singleKinds = [
  staticDiscoverySchema,
  srvDiscoverySchema,
  dockerDiscoverySchema,
  jsonDiscoverySchema,
  execDiscoverySchema,
  plaintextDiscoverySchema,
  consulDiscoverySchema,
  lxdDiscoverySchema,
  etcdDiscoverySchema,
  kubernetesDiscoverySchema,
  ec2DiscoverySchema,
  ecsDiscoverySchema,
  cloudMapDiscoverySchema,
] as const;

/** One source of backends. */
const sourceSchema = z.discriminatedUnion("kind", singleKinds).meta({ id: "Source" });

/** Several sources, merged; each with a fail policy and an interval of its own. */
const multiDiscoverySchema = section({
  kind: z.literal("multi"),
  sources: z.array(sourceSchema).min(1).max(discoverySourcesMax),
}).meta({ id: "MultiDiscovery", description: "Several sources, merged" });

/** Where a balancer's backends come from. */
export const discoverySchema = z
  .discriminatedUnion("kind", [...singleKinds, multiDiscoverySchema])
  .meta({ id: "Discovery", description: "Where the backends come from" });

export type Source = z.output<typeof sourceSchema>;
export type Discovery = z.output<typeof discoverySchema>;
export type DiscoveryKind = Discovery["kind"];

/** The sources of a discovery, one by one, each with its JSON pointer inside the balancer. */
export function sourcesOf(
  discovery: Discovery,
): readonly { readonly source: Source; readonly pointer: string }[] {
  if (discovery.kind !== "multi") return [{ source: discovery, pointer: "/discovery" }];
  return discovery.sources.map((source, index) => ({
    source,
    pointer: `/discovery/sources/${index}`,
  }));
}
