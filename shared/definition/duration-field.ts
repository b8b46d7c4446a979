import { z } from "zod";

import {
  durationMs,
  durationPattern,
  formatDuration,
  isDuration,
  type Duration,
} from "../base/duration.ts";
import { durationMsMax } from "../base/limits.ts";
import type { ProblemCode } from "./problem-code.ts";
import { refuse } from "./reading.ts";

export interface DurationRange {
  /** Shortest time, in milliseconds; 0 unless told. */
  readonly minMs?: number;
  /** Whether `0` is taken although it is below `minMs`; it is unless told. */
  readonly orZero?: boolean;
}

/** A duration within its range, and never longer than a timer can wait. */
export function durationField(range: DurationRange = {}): z.ZodType<Duration, string> {
  return z
    .string()
    .refine((text): text is Duration => isDuration(text), {
      error: durationHelp,
      params: { code: "invalid-duration" satisfies ProblemCode },
      abort: true,
    })
    .superRefine((duration, check) => {
      if (isWithin(durationMs(duration), range)) return;
      refuse(check, { code: "out-of-range", detail: rangeText(range) });
    })
    .meta({ pattern: durationPattern, examples: ["500ms", "2s", "1h30m"] });
}

function isWithin(ms: number, { minMs = 0, orZero = true }: DurationRange): boolean {
  return (ms >= minMs && ms <= durationMsMax) || (ms === 0 && orZero);
}

function rangeText({ minMs = 0, orZero = true }: DurationRange): string {
  const bounds = `from ${formatDuration(minMs)} to ${formatDuration(durationMsMax)}`;
  return orZero && minMs > 0 ? `must be "0", or ${bounds}` : `must be ${bounds}`;
}

const durationHelp =
  "is not a duration: write numbers with a unit (ns, us, ms, s, m, h), " +
  'such as "500ms" or "1h30m", or "0"';
