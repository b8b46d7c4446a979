import { eventually } from "../../support/eventually.ts";
import { residentKb } from "./process-usage.ts";

/** Memory has settled when it moves by less within one look. */
const stillKb = 32;

/** Resident memory of a process and everything below it, in kilobytes, once it rests. */
export async function settledKb(pid: number): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  const isStill = (): boolean => {
    const now = residentKb(pid);
    const moved = Math.abs(now - last);
    last = now;
    return moved < stillKb;
  };
  // One that never rests is weighed as it is.
  await eventually(isStill, { withinMs: 3_000, everyMs: 500 }).catch(() => undefined);
  return last;
}
