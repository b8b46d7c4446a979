import type { Checked } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { checkWritten } from "#shared/validation/check-written.ts";

import { pairProblems } from "./pair-problems.ts";

/** As `checkWritten`, with what the moment has to do with it: whether certificates are valid. */
export function checkNew(raw: unknown, nowMs: number): Checked<Balancer> {
  const checked = checkWritten(raw);
  if (!checked.ok) return checked;
  const problems = pairProblems(checked.value, nowMs);
  return problems.length === 0 ? checked : { ok: false, problems };
}
