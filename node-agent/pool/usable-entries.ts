import { isEnabled, type DirectedBackend } from "./directed-backend.ts";

/** A backend as far as its use is in question. */
interface Usable {
  readonly isLive: boolean;
  readonly isDiscovered: boolean;
  readonly isEjected: boolean;
  readonly backend: Pick<DirectedBackend, "state">;
}

/** Which of a balancer's backends can be elected, and whether health was set aside for it. */
interface UsableEntries<Entry> {
  readonly entries: readonly Entry[];
  readonly isPanic: boolean;
}

/**
 * Live backends among those that are offered. When fewer than `panicBelowPercent` of the offered ones
 * live, it is likelier that the checks are wrong, or that the rest breaks under the load of all, and
 * every offered one is used. Backends that are left out after failed dials come back when there would
 * be nobody else.
 */
export function usableEntries<Entry extends Usable>(
  known: readonly Entry[],
  panicBelowPercent: number,
): UsableEntries<Entry> {
  const offered = known.filter(isOffered);
  const live = offered.filter(({ isLive }) => isLive);
  const isPanic = live.length * 100 < panicBelowPercent * offered.length;
  const usable = isPanic ? offered : live;
  const admitted = usable.filter(({ isEjected }) => !isEjected);
  return { entries: admitted.length > 0 ? admitted : usable, isPanic };
}

/** Whether new connections may go there, if it lives: it is named, and whoever manages it lets it. */
export function isOffered({
  isDiscovered,
  backend,
}: Pick<Usable, "isDiscovered" | "backend">): boolean {
  return isDiscovered && isEnabled(backend);
}
