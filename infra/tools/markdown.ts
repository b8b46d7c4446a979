/** Something a document names, and the line it stands in. */
export interface Mention {
  readonly text: string;
  readonly line: number;
}

/** What stands between single backticks, outside of fenced blocks. */
export function codeSpans(markdown: string): readonly Mention[] {
  return proseLines(markdown).flatMap(({ text, line }) =>
    Array.from(text.matchAll(/`([^`]+)`/g), ([, span = ""]) => ({ text: span, line })),
  );
}

/** The targets of inline links, outside of fenced blocks, without their `#anchor`. */
export function linkTargets(markdown: string): readonly Mention[] {
  return proseLines(markdown).flatMap(({ text, line }) =>
    Array.from(text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g), ([, target = ""]) => ({
      text: target,
      line,
    })),
  );
}

function proseLines(markdown: string): Mention[] {
  let isFenced = false;
  return markdown.split("\n").flatMap((text, index) => {
    if (text.trimStart().startsWith("```")) isFenced = !isFenced;
    return isFenced ? [] : [{ text, line: index + 1 }];
  });
}
