import type { Candidate } from "../pool/pool-view.ts";

/**
 * Who takes part where there are backups: the backends of the lowest priority number, and those of
 * the next numbers, one after the other, as long as fewer than `backupBelow` are in. All take part
 * when it is 0.
 */
export function activeBackends(
  candidates: readonly Candidate[],
  backupBelow: number,
): readonly Candidate[] {
  if (backupBelow === 0) return candidates;
  const ranked = candidates
    .map(({ priority }) => priority)
    .filter((priority) => priority >= 0)
    .toSorted((a, b) => a - b);
  // The first `backupBelow` are in, and everybody of the last one's priority with them.
  const last = ranked[Math.min(backupBelow, ranked.length) - 1] ?? Number.NEGATIVE_INFINITY;
  return candidates.filter(({ priority }) => priority >= 0 && priority <= last);
}
