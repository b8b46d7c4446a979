/** What the caller believes to change (`If-Match`); `hash` may be a beginning of at least 8 digits. */
export type Expected = { readonly rev: number; readonly hash: string } | "any";

/** It is another by now. */
export interface Stale {
  readonly kind: "stale";
  readonly rev: number;
  readonly hash: string;
}

const hashDigitsMin = 8;

/** Undefined when the row is what was expected. */
export function staleness(
  row: { readonly revUpdated: number; readonly hash: string },
  expected: Expected,
): Stale | undefined {
  if (expected === "any") return undefined;
  const isSame =
    row.revUpdated === expected.rev &&
    expected.hash.length >= hashDigitsMin &&
    row.hash.startsWith(expected.hash);
  return isSame ? undefined : { kind: "stale", rev: row.revUpdated, hash: row.hash };
}
