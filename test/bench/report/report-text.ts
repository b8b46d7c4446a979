import type { Contender } from "../contenders/contender.ts";
import type { RowResult } from "../run-row.ts";
import { figureTable, ratioTable } from "./result-tables.ts";

/** All that a reader needs to judge the figures. */
export interface Report {
  readonly facts: readonly string[];
  readonly contenders: readonly (Pick<Contender, "name" | "title" | "role" | "version"> & {
    readonly commandLine: string;
  })[];
  readonly results: readonly RowResult[];
  /** Who or what was left out, and why. */
  readonly notes: readonly string[];
  /** Numbers from 0 to below 1, for the intervals. */
  readonly random: () => number;
}

/** The report in markdown: ratios, figures, who took part, what to know. */
export function reportText(report: Report): string {
  const { contenders, results, facts, notes, random } = report;
  const ratios = ratioTable(contenders, results, random);
  const who = contenders.map(
    ({ title, version, commandLine }) => `- ${title}: ${version}; \`${commandLine}\``,
  );
  return [
    list(facts),
    ...(ratios === "" ? [] : ["Ratios of medians, with 95 % intervals:", ratios]),
    "Medians (minimum–maximum):",
    figureTable(contenders, results),
    "Who took part:",
    who.join("\n"),
    ...(notes.length === 0 ? [] : ["To know:", list(notes)]),
  ].join("\n\n");
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}
