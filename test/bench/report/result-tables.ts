import type { Contender } from "../contenders/contender.ts";
import { ratioOfMedians } from "../measure/ratio-interval.ts";
import { medianOf, spreadOf } from "../measure/statistics.ts";
import type { Measure } from "../rows/row.ts";
import type { RowResult } from "../run-row.ts";
import { markdownTable } from "./markdown-table.ts";
import { ratioText, shortNumber, spreadText } from "./numbers.ts";

/** Who took part, as far as a table needs to know. */
export type Column = Pick<Contender, "name" | "title" | "role">;

/** One measure of one row, with everybody's values. */
interface Line {
  readonly title: string;
  readonly measure: Measure;
  readonly valuesOf: (column: Column) => readonly number[];
}

/**
 * Ours against others: each ratio of medians with its 95 % interval. Below 1 is better where less is
 * better, above 1 where more is. Empty when nobody of ours took part, or nobody else.
 *
 * @param random gives numbers from 0 to below 1, for the intervals
 */
export function ratioTable(
  columns: readonly Column[],
  results: readonly RowResult[],
  random: () => number,
): string {
  const ours = columns.filter(({ role }) => role === "ours");
  const peers = columns.filter(({ role }) => role === "peer");
  const single = columns.filter(({ name, role }) => name === "gobetween" || role === "limit");
  if (ours.length === 0 || ours.length === columns.length) return "";
  const head = ours.flatMap(({ title }) => [
    ...(peers.length > 0 ? [`${title} / best peer`] : []),
    ...single.map((other) => `${title} / ${other.title}`),
  ]);
  const compared = linesOf(results).filter(({ measure }) => measure.use === "compared");
  const body = compared.map((line) => {
    const best = bestOf(peers, line);
    const cells = ours.flatMap((own) => [
      ...(peers.length > 0 ? [against(line, own, best, random)] : []),
      ...single.map((other) => against(line, own, other, random)),
    ]);
    return [
      line.title,
      `${line.measure.title}${best === undefined ? "" : ` (${best.title})`}`,
      ...cells,
    ];
  });
  return markdownTable([["load", "measure (best peer)", ...head], ...body]);
}

/** Medians with minimum and maximum. */
export function figureTable(columns: readonly Column[], results: readonly RowResult[]): string {
  const body = shownOf(columns, linesOf(results)).map((line) => [
    line.title,
    line.measure.title,
    ...columns.map((column) => {
      const values = line.valuesOf(column);
      return values.length === 0 ? "–" : spreadText(spreadOf(values));
    }),
  ]);
  return markdownTable([["load", "measure", ...columns.map(({ title }) => title)], ...body]);
}

function linesOf(results: readonly RowResult[]): readonly Line[] {
  return results.flatMap(({ row, samples }) =>
    row.measures.map((measure) => ({
      title: row.title,
      measure,
      valuesOf: ({ name }: Column) =>
        (samples.get(name) ?? []).map((sample) => sample[measure.key] ?? Number.NaN),
    })),
  );
}

function shownOf(columns: readonly Column[], lines: readonly Line[]): readonly Line[] {
  return lines.filter(
    (line) =>
      line.measure.use !== "trouble" ||
      columns.some((column) => line.valuesOf(column).some((value) => value !== 0)),
  );
}

function bestOf(peers: readonly Column[], line: Line): Column | undefined {
  const sign = line.measure.better === "lower" ? 1 : -1;
  const measured = peers.filter((peer) => line.valuesOf(peer).length > 0);
  const rank = (peer: Column): number => sign * medianOf(line.valuesOf(peer));
  return measured.toSorted((a, b) => rank(a) - rank(b))[0];
}

function against(line: Line, own: Column, other: Column | undefined, random: () => number): string {
  if (other === undefined) return "–";
  const [values, others] = [line.valuesOf(own), line.valuesOf(other)];
  if (values.length === 0 || others.length === 0) return "–";
  if (medianOf(others) === 0) return `${shortNumber(medianOf(values))} to 0`;
  return ratioText(ratioOfMedians(values, others, random));
}
