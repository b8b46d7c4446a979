import { expect, test } from "vitest";
import { z } from "zod";

import { problemsOf } from "#shared/validation/problems-of.ts";

test.each([
  [z.email(), "x", "is not a valid email address"],
  [z.string().regex(/^a$/), "x", "must match pattern /^a$/"],
  [z.int(), 1.5, "must be a whole number"],
  [z.record(z.string(), z.string()), "x", "must be an object"],
  [z.string().max(2), "xyz", "must have at most 2 characters"],
  [z.int().max(2), 3, "must be at most 2"],
])("what a schema refuses is said in words for people", (schema, raw, detail) => {
  const parsed = schema.safeParse(raw);
  const problems = parsed.success ? [] : problemsOf(parsed.error, raw);
  expect(problems.map((problem) => problem.detail)).toEqual([detail]);
});
