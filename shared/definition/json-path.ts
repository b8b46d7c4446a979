import type { z } from "zod";

import { textCharsMax } from "../base/limits.ts";
import { readableText, refused, understood, type Reading } from "./reading.ts";

/** A way into a JSON value: keys of objects and indexes of arrays. */
export type JsonPath = readonly (string | number)[];

/** A text that `readJsonPath` understands. */
export function jsonPathField(): z.ZodString {
  return readableText(readJsonPath, textCharsMax);
}

/**
 * Keys with dots between them, `[n]` for elements of arrays, with or without a dot before it, and
 * quotes around keys that hold dots or brackets: `a."b.c".[0].d`.
 */
export function readJsonPath(text: string): Reading<JsonPath> {
  const path: (string | number)[] = [];
  let rest = text;
  while (rest !== "") {
    const part = partShape.exec(rest);
    if (part === null) return refused("invalid-format", pathHelp);
    path.push(partOf(part.groups ?? {}));
    rest = rest.slice(part[0].length);
    if (rest.startsWith(".") && rest.length > 1) rest = rest.slice(1);
    else if (rest !== "" && !rest.startsWith("[")) return refused("invalid-format", pathHelp);
  }
  return understood(path);
}

/** What lies there; undefined when the way leads nowhere. Only a value's own keys count. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>((current, part) => {
    if (typeof part === "number") return Array.isArray(current) ? current[part] : undefined;
    return isObject(current) && Object.hasOwn(current, part) ? current[part] : undefined;
  }, value);
}

const partShape =
  /^(?:\[(?<index>\d{1,9})\]|"(?<double>[^"]+)"|'(?<single>[^']+)'|(?<key>[^.[\]"']+))/;

function partOf(groups: Readonly<Record<string, string | undefined>>): string | number {
  if (groups["index"] !== undefined) return Number(groups["index"]);
  return groups["double"] ?? groups["single"] ?? groups["key"] ?? "";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const pathHelp = 'is not a way into JSON: write keys with dots between them, [0], "quoted.keys"';
