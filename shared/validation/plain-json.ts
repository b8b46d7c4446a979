import { definitionDepthMax, definitionValuesMax } from "../base/limits.ts";
import { pointerOf, type Problem } from "../base/problem.ts";
import type { ProblemCode } from "../definition/problem-code.ts";
import { isStorable, notStorable } from "../definition/reading.ts";

/** A copy that holds nothing but JSON, and what had to be left out of it. */
export interface PlainJson {
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

interface Copying {
  valuesLeft: number;
  readonly problems: Problem[];
}

type Path = readonly (string | number)[];

/**
 * Copies what may be a hostile document into plain JSON: own keys only and never `__proto__`, a
 * bounded depth and number of values, numbers that are finite, texts that are valid Unicode without
 * U+0000 (the database stores no such text). A key whose value is undefined counts as absent.
 */
export function plainJson(raw: unknown): PlainJson {
  const copying: Copying = { valuesLeft: definitionValuesMax, problems: [] };
  const value = copyOf(raw, [], copying);
  if (copying.valuesLeft >= 0) return { value, problems: copying.problems };
  const detail = `has more than ${definitionValuesMax} values`;
  return { value: undefined, problems: [{ pointer: "", code: "too-large", detail }] };
}

function copyOf(raw: unknown, path: Path, copying: Copying): unknown {
  copying.valuesLeft -= 1;
  if (copying.valuesLeft < 0) return undefined;
  if (raw === null || typeof raw === "boolean") return raw;
  if (typeof raw === "string") return copyOfText(raw, path, copying);
  if (typeof raw === "number" && Number.isFinite(raw)) return raw;
  if (Array.isArray(raw)) return within(path, copying, () => copyOfArray(raw, path, copying));
  if (isPlainObject(raw)) return within(path, copying, () => copyOfObject(raw, path, copying));
  return leftOut(copying, path, { code: "invalid-type", detail: "is not JSON" });
}

function copyOfText(raw: string, path: Path, copying: Copying): unknown {
  if (isStorable(raw)) return raw;
  return leftOut(copying, path, notStorable);
}

function within(path: Path, copying: Copying, copy: () => unknown): unknown {
  if (path.length < definitionDepthMax) return copy();
  const detail = `is nested deeper than ${definitionDepthMax} levels`;
  return leftOut(copying, path, { code: "too-deep", detail });
}

function copyOfArray(raw: readonly unknown[], path: Path, copying: Copying): unknown {
  const copy: unknown[] = [];
  for (const [index, item] of raw.entries()) {
    if (copying.valuesLeft < 0) break;
    copy.push(copyOf(item, [...path, index], copying));
  }
  return copy;
}

function copyOfObject(
  raw: Readonly<Record<string, unknown>>,
  path: Path,
  copying: Copying,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(raw)) {
    if (copying.valuesLeft < 0) break;
    if (item === undefined) continue;
    if (key === "__proto__" || !isStorable(key)) {
      leftOut(copying, [...path, key], { code: "unknown-key", detail: "is not a key that can be" });
    } else {
      copy[key] = copyOf(item, [...path, key], copying);
    }
  }
  return copy;
}

function leftOut(
  copying: Copying,
  path: Path,
  problem: { readonly code: ProblemCode; readonly detail: string },
): undefined {
  copying.problems.push({ pointer: pointerOf(path), ...problem });
  return undefined;
}

function isPlainObject(raw: unknown): raw is Readonly<Record<string, unknown>> {
  if (typeof raw !== "object" || raw === null) return false;
  const prototype: unknown = Object.getPrototypeOf(raw);
  return prototype === Object.prototype || prototype === null;
}
