import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type {
  Discovery as DiscoveryDefinition,
  DiscoveryKind,
} from "#shared/definition/discovery/discovery.ts";

import {
  startDiscoveryLoop,
  type DiscoveryLoop,
  type DiscoveryLoopOptions,
} from "./discovery-loop.ts";
import { staticFetch } from "./static.ts";

/** The kinds of discovery that this agent knows. */
export const discoveryKinds = ["static"] as const satisfies readonly DiscoveryKind[];

/**
 * Starts the discovery that a definition asks for.
 *
 * @throws Fault `discover/unsupported` for a kind that is not among `discoveryKinds`
 */
export function startDiscovery(
  clock: Clock,
  definition: DiscoveryDefinition,
  sinks: Pick<DiscoveryLoopOptions, "onBackends" | "onFailure">,
): DiscoveryLoop {
  if (definition.kind !== "static") throw unsupported(definition.kind);
  const fetch = staticFetch(definition);
  const options = { intervalMs: 0, timeoutMs: 0, failPolicy: "keeplast", ...sinks } as const;
  return startDiscoveryLoop({ clock, fetch }, options);
}

function unsupported(kind: DiscoveryKind): Fault {
  return new Fault({
    code: "discover/unsupported",
    owner: "platform",
    message: `a ${kind} discovery reached an agent that does not know it`,
  });
}
