import { z } from "zod";

import type { Checked, Problem } from "../base/problem.ts";
import type { Balancer } from "../definition/balancer.ts";
import type { ProblemCode } from "../definition/problem-code.ts";
import { checkWritten } from "../validation/check-written.ts";
import { withGobetweenDefaults } from "./gobetween-defaults.ts";

/**
 * A balancer as gobetween would take it: with its defaults where nothing is written, and without
 * the values that only Midstream knows. Every problem comes at once, each with its pointer.
 */
export function checkGobetweenBalancer(written: unknown): Checked<Balancer> {
  const checked = checkWritten(withGobetweenDefaults(written));
  if (!namesVersion2(written)) return checked;
  return { ok: false, problems: [...(checked.ok ? [] : checked.problems), unknownVersion] };
}

const unknownVersion: Problem = {
  pointer: "/proxyProtocol/version",
  code: "unknown-value" satisfies ProblemCode,
  detail: "gobetween's setting takes version 1 only",
};

const withVersion2 = z.looseObject({ proxyProtocol: z.looseObject({ version: z.literal("2") }) });

function namesVersion2(written: unknown): boolean {
  return withVersion2.safeParse(written).success;
}
