import { cumulative, placeAt, total } from "./cumulative.ts";
import type { RotationCursor } from "./election-sources.ts";
import { nobody, type ElectionPool, type Strategy } from "./strategy.ts";

/** Turns of backends that may not be taken, before all of them are looked at. */
const turnsMax = 16;
/** Lost races for the cursor; with a handful of workers more than one in a row is rare. */
const racesMax = 64;

/**
 * Round robin by weight: of as many elections in a row as the weights add up to (divided by what they
 * have in common) each backend gets exactly its weight, spread over them instead of in one go.
 *
 * The weights are laid end to end on a line, and the turns walk over all points of that line in the
 * order of their reversed bits (van der Corput): neighbouring turns are far apart, no point comes
 * twice, and the only state is one number that all workers share. O(log n) per election.
 */
export const smoothRoundRobin: Strategy = (pool) => {
  const sums = cumulative(reduced(pool.backends.map((backend) => Math.max(0, backend.weight))));
  const points = total(sums);
  const bits = points <= 1 ? 0 : 32 - Math.clz32(points - 1);
  const line: Line = { points, bits };
  const { eligible, slowStart, sources } = pool;
  return () => {
    const isOpen = eligible.isEverybody && slowStart.isOver;
    let place = nobody;
    for (let turn = 0; turn < turnsMax; turn += 1) {
      place = placeAt(sums, nextPoint(line, sources.cursor));
      if (isOpen || (eligible.has(place) && slowStart.admits(place))) return place;
    }
    return weighedFrom(pool, place);
  };
};

interface Line {
  /** Points of the line, numbered from 0. */
  readonly points: number;
  /** Bits of a turn's number; reversed, it is a point of the line or lies behind its end. */
  readonly bits: number;
}

/** The next turn's point. Of two turns in a row at least one lies on the line. */
function nextPoint(line: Line, cursor: RotationCursor): number {
  for (let race = 0; race < racesMax; race += 1) {
    const from = cursor.read();
    const turn = turnOnLine(line, from);
    if (cursor.move(from, (turn + 1) % 2 ** line.bits)) return pointOf(line, turn);
  }
  return pointOf(line, turnOnLine(line, cursor.read()));
}

/** The turn itself, or the next one that lies on the line. */
function turnOnLine(line: Line, from: number): number {
  const period = 2 ** line.bits;
  const turn = from % period;
  return pointOf(line, turn) < line.points ? turn : (turn + 1) % period;
}

function pointOf({ bits }: Line, turn: number): number {
  return bits === 0 ? 0 : reversedBits(turn) >>> (32 - bits);
}

/** All 32 bits, the last one first. */
function reversedBits(number: number): number {
  let bits = number;
  bits = ((bits >>> 1) & 0x55555555) | ((bits & 0x55555555) << 1);
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff00ff) | ((bits & 0x00ff00ff) << 8);
  return ((bits >>> 16) | (bits << 16)) >>> 0;
}

/** Weights without what they have in common; all 1 when nobody has a weight. */
function reduced(weights: readonly number[]): readonly number[] {
  const common = weights.reduce(greatestCommonDivisor, 0);
  return common === 0 ? weights.map(() => 1) : weights.map((weight) => weight / common);
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

/** The next one with a weight that may be taken; without a weight only when nobody has one. */
function weighedFrom({ backends, eligible }: ElectionPool, from: number): number {
  let weightless = nobody;
  for (let step = 0; step < backends.length; step += 1) {
    const place = (from + step) % backends.length;
    if (!eligible.has(place)) continue;
    if ((backends[place]?.weight ?? 0) > 0) return place;
    if (weightless === nobody) weightless = place;
  }
  return weightless;
}
