import type { BackendEntry } from "./backend-table.ts";
import type { PoolView } from "./pool-view.ts";

/**
 * Names of the backends that are unhealthy or no longer discovered. Those that are in the view all
 * the same, because too few are healthy, are used and therefore not lost.
 */
export function lostBackends(
  entries: readonly Pick<BackendEntry, "name" | "isLive" | "isDiscovered">[],
  { candidates }: PoolView,
): readonly string[] {
  const gone = entries.filter(({ isLive, isDiscovered }) => !isLive || !isDiscovered);
  if (gone.length === 0) return [];
  const used = new Set(candidates.map(({ name }) => name));
  return gone.map(({ name }) => name).filter((name) => !used.has(name));
}
