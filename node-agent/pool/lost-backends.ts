import type { BackendEntry } from "./backend-table.ts";
import type { PoolView } from "./pool-view.ts";

type Losable = Pick<BackendEntry, "name" | "isLive" | "isDiscovered" | "backend">;

/**
 * Names of the backends whose open connections end at once: those that whoever manages them has cut,
 * and with `cutsLost` those that are unhealthy or no longer discovered. Those that are in the view
 * all the same, because too few are healthy, are used and therefore not lost.
 */
export function lostBackends(
  entries: readonly Losable[],
  { candidates }: PoolView,
  { cutsLost }: { readonly cutsLost: boolean },
): readonly string[] {
  const isLost = ({ isLive, isDiscovered, backend }: Losable): boolean =>
    backend.state === "cut" || (cutsLost && (!isLive || !isDiscovered));
  const gone = entries.filter(isLost);
  if (gone.length === 0) return [];
  const used = new Set(candidates.map(({ name }) => name));
  return gone.map(({ name }) => name).filter((name) => !used.has(name));
}
