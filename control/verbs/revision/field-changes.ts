import { pointerOf } from "#shared/base/problem.ts";

/** What differs in one place of a definition; a side that is absent was not there. */
export interface FieldChange {
  /** JSON pointer into the definition. */
  readonly pointer: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

type Path = readonly (string | number)[];

/** The smallest places in which two JSON values differ. */
export function fieldChanges(before: unknown, after: unknown): readonly FieldChange[] {
  return changesAt([], before, after);
}

function changesAt(path: Path, before: unknown, after: unknown): readonly FieldChange[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    const places = Array.from({ length }, (_, index) => index);
    return places.flatMap((at) => changesAt([...path, at], before[at], after[at]));
  }
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    return keys.flatMap((key) => changesAt([...path, key], before[key], after[key]));
  }
  if (Object.is(before, after)) return [];
  return [
    {
      pointer: pointerOf(path),
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    },
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
