import type { z } from "zod";

import type { Checked } from "#shared/base/problem.ts";
import { problemsOf } from "#shared/validation/problems-of.ts";

/** The input as the schema reads it, or every problem with a pointer. */
export function checkInput<T>(schema: z.ZodType<T>, input: unknown): Checked<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, problems: problemsOf(parsed.error, input) };
}
