import type { ParityRow } from "./parity-rows.ts";

const rangeShape = /^([FX]-[A-Z]+-)(\d{2})(?:\.\.(\d{2}))?$/;

/**
 * Expands `F-CFG-12..32,X-TCP-23` to the ids it names. The end of a range has no prefix.
 *
 * @throws Error when a part is malformed, runs backwards or names a row that does not exist.
 */
export function expandIdRanges(text: string, rows: readonly ParityRow[]): readonly string[] {
  const known = new Set(rows.map((row) => row.id));
  const ids = text.split(",").flatMap((part) => expandPart(part.trim()));
  const missing = ids.filter((id) => !known.has(id));
  if (missing.length > 0) throw new Error(`docs/parity.md has no row ${missing.join(", ")}`);
  return ids;
}

function expandPart(part: string): string[] {
  const [, prefix, first, last = first] = rangeShape.exec(part) ?? [];
  if (prefix === undefined) {
    throw new Error(`"${part}" is not an id or a range such as F-TCP-01..10`);
  }
  const count = Number(last) - Number(first) + 1;
  if (count < 1) throw new Error(`"${part}" runs backwards`);
  return Array.from({ length: count }, (_, offset) => rowId(prefix, Number(first) + offset));
}

function rowId(prefix: string, number: number): string {
  return prefix + String(number).padStart(2, "0");
}
