import type { DiscoverySource } from "../discovery.ts";
import { cloudMapSource, type CloudMapDiscovery } from "./cloud-map.ts";
import { ec2Source, type Ec2Discovery } from "./ec2.ts";
import { ecsSource, type EcsDeps, type EcsDiscovery } from "./ecs.ts";

/** The kinds that ask AWS: those, and only those, name a region. */
export type AwsSourceDefinition = Ec2Discovery | EcsDiscovery | CloudMapDiscovery;

/** The source that a definition describes. Nothing is asked yet. */
export function awsSource(deps: EcsDeps, definition: AwsSourceDefinition): DiscoverySource {
  switch (definition.kind) {
    case "ec2":
      return ec2Source(deps.lookup, definition);
    case "ecs":
      return ecsSource(deps, definition);
    case "cloudmap":
      return cloudMapSource(deps.lookup, definition);
  }
}
