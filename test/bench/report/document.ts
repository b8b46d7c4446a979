const begin = "<!-- npm run bench: begin -->";
const end = "<!-- npm run bench: end -->";

/**
 * A document with `text` between its two markers, in place of what stood there.
 *
 * @throws Error when the markers are not there
 */
export function withReport(document: string, text: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document lacks ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}
