import type { z } from "zod";

import { patternCharsMax } from "../base/limits.ts";
import { compilePattern } from "../base/pattern.ts";
import { readableText, refused, understood, type Reading } from "./reading.ts";

/** An RE2 pattern that compiles, and has the named groups that its user needs. */
export function patternField({ groups = [] }: { groups?: readonly string[] } = {}): z.ZodString {
  return readableText((text) => readPattern(text, groups), patternCharsMax);
}

/** The pattern's text when it can be used. */
export function readPattern(text: string, groups: readonly string[] = []): Reading<string> {
  const compiled = compilePattern(text);
  if (!compiled.ok) return refused("invalid-pattern", compiled.detail);
  const missing = groups.filter((name) => !compiled.pattern.groupNames.includes(name));
  return missing.length === 0
    ? understood(text)
    : refused("invalid-pattern", `needs the named groups ${missing.join(" and ")}: (?P<name>…)`);
}
