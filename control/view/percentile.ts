/**
 * The value that `share` (0 to 1) of the values do not exceed: nearest rank, so always one that was
 * measured; null of none.
 */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? null;
}
