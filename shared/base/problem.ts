/** One thing that is wrong with some input, and where. */
export interface Problem {
  /** JSON pointer (RFC 6901) into the checked document; `""` is the document itself. */
  readonly pointer: string;
  /** Stable and machine-readable, `kebab-case`. */
  readonly code: string;
  /** For people: what is wrong and what would be right. */
  readonly detail: string;
}

/** The outcome of a check: the value, or every problem at once. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A JSON pointer (RFC 6901) from its path. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escapePart(String(part))}`).join("");
}

/** How a pointer goes on behind `place`, a pointer too; undefined when it leads elsewhere. */
export function pointerBehind(place: string, pointer: string): string | undefined {
  const isBehind = pointer === place || pointer.startsWith(`${place}/`);
  return isBehind ? pointer.slice(place.length) : undefined;
}

function escapePart(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}
