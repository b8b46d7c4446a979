import type { VerifiedBalancer } from "./flows.ts";
import {
  changesOf,
  mustPrecede,
  removalOf,
  startOf,
  type Change,
  type Step,
} from "./plan-change.ts";
import type { Running } from "./running.ts";

/** What shall run. */
export interface Wanted {
  readonly balancers: readonly VerifiedBalancer[];
  /** Balancers that may not run as they are written now: what runs of them is left alone. */
  readonly kept: ReadonlySet<string>;
}

/**
 * The steps from what runs to what is wanted, in waves: the steps of one wave need nothing of each
 * other and may run at the same time.
 *
 * What frees an address comes before what takes it. Where nothing is in the way new ones start
 * before old ones go. Balancers that swap addresses cannot both change in place: one of them is
 * removed and started again, and so is one that comes to speak UDP, or TCP instead. Planned for its own
 * result, there is nothing left to do.
 */
export function plan(running: Running, wanted: Wanted): readonly (readonly Step[])[] {
  const waves: Step[][] = [];
  let left = changesBetween(running, wanted);
  while (left.length > 0) {
    const freeing = left.filter(({ freed }) => freed.length > 0);
    const free = left.filter((change) => !freeing.some((other) => mustPrecede(other, change)));
    if (free.length === 0) {
      left = withoutOneCircle(left);
    } else {
      const wave = urgentOf(free, left);
      waves.push(wave.map(({ step }) => step));
      left = left.filter((change) => !wave.includes(change));
    }
  }
  return waves;
}

function changesBetween(running: Running, wanted: Wanted): readonly Change[] {
  const ids = new Set(wanted.balancers.map(({ id }) => id));
  const made = wanted.balancers.flatMap((after) => {
    const before = running.get(after.id);
    if (before === undefined) return [startOf(after)];
    return before.hash === after.hash ? [] : changesOf(before, after);
  });
  const gone = [...running.values()].filter(({ id }) => !ids.has(id) && !wanted.kept.has(id));
  return [...made, ...gone.map(removalOf)];
}

/** Removals that nobody waits for can wait themselves: make before break. */
function urgentOf(free: readonly Change[], left: readonly Change[]): readonly Change[] {
  const urgent = free.filter(
    (change) => change.step.do !== "remove" || left.some((other) => mustPrecede(change, other)),
  );
  return urgent.length > 0 ? urgent : free;
}

/** Every change left waits for another one, so some wait in a circle: one of them is taken apart. */
function withoutOneCircle(left: readonly Change[]): readonly Change[] {
  const broken = left.find((change) => waitsForItself(change, left));
  return left.flatMap((change) => (change === broken ? (change.inTwo ?? []) : [change]));
}

function waitsForItself(change: Change, left: readonly Change[]): boolean {
  const seen = new Set<Change>();
  let reached: readonly Change[] = [change];
  while (reached.length > 0) {
    reached = left.filter(
      (other) => !seen.has(other) && reached.some((one) => mustPrecede(other, one)),
    );
    for (const other of reached) seen.add(other);
  }
  return seen.has(change);
}
