/**
 * Sums of the numbers up to and with each place: `placeAt` finds in O(log n) whose part of the whole
 * a number falls into.
 */
export function cumulative(numbers: readonly number[]): Float64Array {
  let sum = 0;
  return Float64Array.from(numbers.map((number) => (sum += number)));
}

/** The sum of all numbers. */
export function total(sums: Float64Array): number {
  return sums[sums.length - 1] ?? 0;
}

/** The first place whose sum is above `point`; one that adds nothing is never found. */
export function placeAt(sums: Float64Array, point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
