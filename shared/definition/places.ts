import { pointerOf } from "../base/problem.ts";

/** The way to a place, key by key; `*` is every element of a list and every value of a record. */
export type Place = readonly string[];

/** What stands at a place, and the JSON pointer to it. */
export interface Placed {
  readonly value: unknown;
  readonly pointer: string;
}

/** `a/b` and `a/*` as the ways they are. */
export function placesOf(...paths: readonly string[]): readonly Place[] {
  return paths.map((path) => path.split("/"));
}

/** What stands at the places of a document; what is not there is left out. */
export function valuesAt(document: unknown, places: readonly Place[]): readonly Placed[] {
  const values: Placed[] = [];
  const keep = (placed: Placed): unknown => {
    values.push(placed);
    return placed.value;
  };
  for (const place of places) mapAt(document, { place, at: [] }, keep);
  return values;
}

/**
 * The same document with what stands at the places replaced by what `map` gives for it, which has to
 * be something that may stand there.
 */
export function mapPlaces<Document>(
  document: Document,
  places: readonly Place[],
  map: (placed: Placed) => unknown,
): Document {
  return places.reduce(
    (current, place) => sameOf<Document>(mapAt(current, { place, at: [] }, map)),
    document,
  );
}

interface Cursor {
  /** What is still to go. */
  readonly place: Place;
  /** What was gone. */
  readonly at: readonly (string | number)[];
}

function mapAt(value: unknown, { place, at }: Cursor, map: (placed: Placed) => unknown): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return map({ value, pointer: pointerOf(at) });
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

/** Guarantee: a `Document` of which only parts were replaced, by what may stand there. */
function sameOf<Document>(value: unknown): Document {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return value as Document;
}
