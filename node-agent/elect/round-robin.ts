import type { Candidate } from "../pool/pool-view.ts";
import type { Strategy } from "./strategy.ts";

/** Lost races for the cursor; with a handful of workers more than one in a row is rare. */
const racesMax = 64;

/**
 * One after the other in the order of names, over all workers. The cursor is a place in the whole
 * pool, so that a backend that is full or has been tried is passed over and the turn goes to the
 * next one; past the end it begins again.
 */
export const roundRobin: Strategy = (eligible, { cursor }) => {
  for (let race = 0; race < racesMax; race += 1) {
    const from = cursor.read();
    const chosen = nextFrom(eligible, from);
    if (chosen === undefined || cursor.move(from, chosen.place + 1)) return chosen;
  }
  return nextFrom(eligible, cursor.read());
};

function nextFrom(eligible: readonly Candidate[], place: number): Candidate | undefined {
  return eligible.find((candidate) => candidate.place >= place) ?? eligible[0];
}
