const reasonCharsMax = 300;

/** A message without its line breaks, and not more of it than a note bears. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, reasonCharsMax);
}
