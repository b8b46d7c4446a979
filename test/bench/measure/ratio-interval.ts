import { medianOf } from "./statistics.ts";

/** A ratio of medians with its 95 % interval. */
export interface Ratio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

const resamples = 2_000;
const tail = 0.025;

/**
 * The ratio of two medians, with a percentile bootstrap interval (Efron, 1979). Both contenders were
 * measured in each round, so whole rounds are drawn: what slowed both cancels out.
 *
 * @param random gives numbers from 0 to below 1
 */
export function ratioOfMedians(
  values: readonly number[],
  against: readonly number[],
  random: () => number,
): Ratio {
  const rounds = Math.min(values.length, against.length);
  const ratios = Array.from({ length: resamples }, () => {
    const drawn = Array.from({ length: rounds }, () => Math.floor(random() * rounds));
    return medianAt(values, drawn) / medianAt(against, drawn);
  }).toSorted((a, b) => a - b);
  return {
    ratio: medianOf(values) / medianOf(against),
    low: ratios[Math.floor(resamples * tail)] ?? Number.NaN,
    high: ratios[Math.ceil(resamples * (1 - tail)) - 1] ?? Number.NaN,
  };
}

function medianAt(values: readonly number[], rounds: readonly number[]): number {
  return medianOf(rounds.map((round) => values[round] ?? Number.NaN));
}
