import { pointerOf } from "../base/problem.ts";

/** The way to a place, key by key; `*` is every element of a list and every value of a record. */
export type Place = readonly string[];

/** Gives what stands at a place something in its place; `pointer` is its JSON pointer. */
export type MapPlace = (value: unknown, pointer: string) => unknown;

/** `a/b` and `a/*` as the ways they are. */
export function placesOf(...paths: readonly string[]): readonly Place[] {
  return paths.map((path) => path.split("/"));
}

/** The same value with what stands at the places replaced; what is not there is left out. */
export function mapPlaces(value: unknown, places: readonly Place[], map: MapPlace): unknown {
  return places.reduce((current, place) => mapAt(current, { place, at: [] }, map), value);
}

interface Cursor {
  /** What is still to go. */
  readonly place: Place;
  /** What was gone. */
  readonly at: readonly (string | number)[];
}

function mapAt(value: unknown, { place, at }: Cursor, map: MapPlace): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return map(value, pointerOf(at));
  const next = (inner: unknown, step: string | number): unknown =>
    mapAt(inner, { place: rest, at: [...at, step] }, map);
  if (Array.isArray(value)) return key === "*" ? value.map(next) : value;
  if (!isObject(value)) return value;
  if (key === "*") {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, next(inner, name)]),
    );
  }
  return Object.hasOwn(value, key) ? { ...value, [key]: next(value[key], key) } : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
