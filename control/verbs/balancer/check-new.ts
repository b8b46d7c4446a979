import type { Checked } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { checkWritten } from "#shared/validation/check-written.ts";

import { authorityProblems } from "./authority-problems.ts";
import { pairProblems } from "./pair-problems.ts";

/** As `checkWritten`, and looks into the authorities and certificates that are written as texts. */
export function checkNew(raw: unknown, nowMs: number): Checked<Balancer> {
  return checkWritten(raw, {
    more: [({ right }) => authorityProblems(right), ({ right }) => pairProblems(right, nowMs)],
  });
}
