/** A backend as far as its use is in question. */
interface Usable {
  readonly isLive: boolean;
  readonly isDiscovered: boolean;
  readonly isEjected: boolean;
}

/** Which of a balancer's backends can be elected, and whether health was set aside for it. */
interface UsableEntries<Entry> {
  readonly entries: readonly Entry[];
  readonly isPanic: boolean;
}

/**
 * Live and discovered backends. When fewer than `panicBelowPercent` of the discovered ones live, it
 * is likelier that the checks are wrong, or that the rest breaks under the load of all, and every
 * discovered one is used. Backends that are left out after failed dials come back when there would
 * be nobody else.
 */
export function usableEntries<Entry extends Usable>(
  known: readonly Entry[],
  panicBelowPercent: number,
): UsableEntries<Entry> {
  const discovered = known.filter(({ isDiscovered }) => isDiscovered);
  const live = discovered.filter(({ isLive }) => isLive);
  const isPanic = live.length * 100 < panicBelowPercent * discovered.length;
  const usable = isPanic ? discovered : live;
  const admitted = usable.filter(({ isEjected }) => !isEjected);
  return { entries: admitted.length > 0 ? admitted : usable, isPanic };
}
