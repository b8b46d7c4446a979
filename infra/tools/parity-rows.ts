/** One promise of docs/parity.md. */
export interface ParityRow {
  /** `F-…` for what gobetween does, `X-…` for what goes beyond it. */
  readonly id: string;
  readonly feature: string;
  readonly condition: string;
  /** The heading the row stands under. */
  readonly section: string;
}

/** The shape of an id, for finding the ids in a test's title. */
const idShape = String.raw`[FX]-[A-Z]+-\d{2}`;
const idAlone = new RegExp(`^${idShape}$`);

/**
 * The rows of docs/parity.md: tables of three columns under `##` headings.
 *
 * @throws Error naming the line when a row is malformed or an id stands twice: a row that is not
 * understood would silently never be proven.
 */
export function parseParityRows(markdown: string): readonly ParityRow[] {
  const rows = new Map<string, ParityRow>();
  let section = "";
  for (const [index, line] of markdown.split("\n").entries()) {
    if (line.startsWith("## ")) section = line.slice(3).trim();
    const row = rowOf(line, section);
    if (row === undefined) continue;
    if (!isWellFormed(row)) throw new Error(`line ${index + 1} is not a row: ${line}`);
    if (rows.has(row.id)) throw new Error(`line ${index + 1}: ${row.id} stands twice`);
    rows.set(row.id, row);
  }
  return [...rows.values()];
}

/** The ids that a test's title names. */
export function idsIn(title: string): readonly string[] {
  return title.match(new RegExp(String.raw`\b${idShape}\b`, "g")) ?? [];
}

function rowOf(line: string, section: string): ParityRow | undefined {
  if (!/^\| *[FX]-/.test(line)) return undefined;
  const [, id = "", feature = "", condition = ""] = line.split("|").map((cell) => cell.trim());
  return { id, feature, condition, section };
}

function isWellFormed(row: ParityRow): boolean {
  return idAlone.test(row.id) && row.feature !== "" && row.condition !== "" && row.section !== "";
}
