/** Edits that turn a slip into the word: more than this is another word. */
const editsMax = 2;
/** A longer word is no slip of anything we know. */
const wordCharsMax = 64;

/**
 * The known word that was probably meant: the same letters in another spelling
 * (`max_connections`), one that the other contains (`serviceDatacenter`), or the nearest within two
 * edits (Levenshtein); undefined when nothing comes near.
 */
export function nearMatch(word: string, known: readonly string[]): string | undefined {
  if (word.length > wordCharsMax) return undefined;
  const plainWord = plain(word);
  const same = known.find((candidate) => plain(candidate) === plainWord);
  return same ?? nearestBySlip(plainWord, known) ?? known.find((one) => contains(plainWord, one));
}

function nearestBySlip(plainWord: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, edits: edits(plainWord, plain(candidate)) }))
    .filter(({ candidate, edits }) => edits <= editsMax && edits < candidate.length / 2)
    .toSorted((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
}

function plain(word: string): string {
  return word.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/** Short words are in too many others to mean anything. */
function contains(plainWord: string, candidate: string): boolean {
  const plainCandidate = plain(candidate);
  const [short, long] = [plainWord, plainCandidate].toSorted((a, b) => a.length - b.length);
  return short !== undefined && short.length >= 4 && long?.includes(short) === true;
}

function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index += 1) {
    row = nextRow(row, from.charAt(index), { index, to });
  }
  return row.at(-1) ?? 0;
}

function nextRow(
  above: readonly number[],
  letter: string,
  at: { readonly index: number; readonly to: string },
): number[] {
  const row = [at.index + 1];
  for (let column = 0; column < at.to.length; column += 1) {
    const change = cell(above, column) + (at.to[column] === letter ? 0 : 1);
    row.push(Math.min(change, cell(above, column + 1) + 1, cell(row, column) + 1));
  }
  return row;
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
