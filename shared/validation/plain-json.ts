import { definitionDepthMax, definitionKeyCharsMax, definitionValuesMax } from "../base/limits.ts";
import { isStorable, notStorable } from "../definition/reading.ts";
import type { Finding, Wrong } from "./problem-list.ts";

/** A copy that holds nothing but JSON, and what had to be left out of it. */
export interface PlainJson {
  readonly value: unknown;
  readonly leftOut: readonly Finding[];
}

interface Copying {
  valuesLeft: number;
  readonly leftOut: Finding[];
}

type Path = readonly (string | number)[];

/**
 * Copies what may be a hostile document into plain JSON: own keys only and never `__proto__`, a
 * bounded depth and number of values, keys of a bounded length, numbers that are finite, texts that
 * are valid Unicode without U+0000 (the database stores no such text). A key whose value is
 * undefined counts as absent.
 */
export function plainJson(raw: unknown): PlainJson {
  const copying: Copying = { valuesLeft: definitionValuesMax, leftOut: [] };
  const value = copyOf(raw, [], copying);
  if (copying.valuesLeft >= 0) return { value, leftOut: copying.leftOut };
  const wrong = {
    code: "too-large",
    detail: `has more than ${definitionValuesMax} values`,
  } as const;
  return { value: undefined, leftOut: [{ path: [], wrong: () => wrong }] };
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
    if (key.length > definitionKeyCharsMax) {
      leftOut(copying, [...path, key], keyTooLong(key));
    } else if (key === "__proto__" || !isStorable(key)) {
      leftOut(copying, [...path, key], { code: "unknown-key", detail: "is not a key that can be" });
    } else {
      copy[key] = copyOf(item, [...path, key], copying);
    }
  }
  return copy;
}

function keyTooLong(key: string): Wrong {
  const start = JSON.stringify(key.slice(0, 30).toWellFormed());
  const detail = `the key ${start}… has ${key.length} characters: at most ${definitionKeyCharsMax}`;
  return { code: "too-large", detail };
}

function leftOut(copying: Copying, path: Path, wrong: Wrong): undefined {
  copying.leftOut.push({ path, wrong: () => wrong });
  return undefined;
}

function isPlainObject(raw: unknown): raw is Readonly<Record<string, unknown>> {
  if (typeof raw !== "object" || raw === null) return false;
  const prototype: unknown = Object.getPrototypeOf(raw);
  return prototype === Object.prototype || prototype === null;
}
