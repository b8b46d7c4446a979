import { backendName } from "#shared/definition/backend-name.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import type { ManagedBackend } from "#shared/definition/managed-backend.ts";

import { isEnabled } from "../pool/directed-backend.ts";

/** A backend that a source named or that is managed, and where in the balancer that stands. */
export interface PlannedBackend {
  readonly pointer: string;
  readonly host: string;
  readonly port: number;
}

/**
 * What the sources named, each once, and what is managed beside them; without those that get no
 * connections.
 */
export function plannedWithManaged(
  found: readonly PlannedBackend[],
  { managedBackends = [] }: Pick<Balancer, "managedBackends">,
): readonly PlannedBackend[] {
  const managed = new Map(
    managedBackends.map((one, index) => [nameOf(one), { ...one, index }] as const),
  );
  // The first place where a target is named.
  const named = new Map(found.toReversed().map((one) => [nameOf(one), one] as const));
  const once = found.filter((one) => named.get(nameOf(one)) === one);
  const isWanted = (backend: PlannedBackend): boolean =>
    isEnabled(managed.get(nameOf(backend)) ?? {});
  const added = [...managed.values()]
    .filter((one) => one.override !== true && !named.has(nameOf(one)))
    .map(({ host, port, index }) => ({ host, port, pointer: `/managedBackends/${index}` }));
  return [...once, ...added].filter(isWanted);
}

function nameOf({ host, port }: Pick<ManagedBackend, "host" | "port">): string {
  return backendName(host, port);
}
