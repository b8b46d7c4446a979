import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  afterResult,
  type Streak,
  type StreakThresholds,
} from "../../../node-agent/health/streak.ts";

const thresholds: StreakThresholds = { fails: 3, passes: 2 };
const up: Streak = { isHealthy: true, against: 0 };
const down: Streak = { isHealthy: false, against: 0 };

/** The status after each of the results, `.` for a success and `x` for a failure. */
function statuses(from: Streak, results: string): readonly boolean[] {
  let streak = from;
  return Array.from(results, (result) => {
    streak = afterResult(streak, result === ".", thresholds);
    return streak.isHealthy;
  });
}

describe("a streak", () => {
  test("F-HC-06 exactly `fails` failures in a row take a backend down", () => {
    expect(statuses(up, "xxx")).toEqual([true, true, false]);
  });

  test("F-HC-07 exactly `passes` successes in a row bring it up", () => {
    expect(statuses(down, "..")).toEqual([false, true]);
  });

  test("F-HC-08 an opposite result in between starts the count anew, either way", () => {
    expect(statuses(up, "xx.xx.xx")).toEqual(Array.from({ length: 8 }, () => true));
    expect(statuses(down, ".x.x.x")).toEqual(Array.from({ length: 6 }, () => false));
    expect(statuses(up, "xx.xxx")).toEqual([true, true, true, true, true, false]);
  });

  test("flips exactly when the last results are all of the other kind", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (results) => {
        let streak = up;
        let inARow = 0;
        for (const ok of results) {
          inARow = ok === streak.isHealthy ? 0 : inARow + 1;
          const flips = inARow === (streak.isHealthy ? thresholds.fails : thresholds.passes);
          const expected: boolean = flips ? ok : streak.isHealthy;
          streak = afterResult(streak, ok, thresholds);
          if (flips) inARow = 0;
          expect(streak).toEqual({ isHealthy: expected, against: inARow });
        }
      }),
    );
  });
});
