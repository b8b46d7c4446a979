/** What an ETag is made of. */
export interface Tagged {
  readonly rev: number;
  /** SHA-256 in hexadecimal, or the beginning of it. */
  readonly hash: string;
}

/** What `If-Match` asks for: one of ours, any, nothing given, or something that is not ours. */
export type IfMatch =
  | { readonly kind: "tag"; readonly tag: Tagged }
  | { readonly kind: "any" }
  | { readonly kind: "missing" }
  | { readonly kind: "foreign" };

const ours = /^"(?<rev>\d{1,15})-(?<hash>[0-9a-f]{8})"$/;

/** A strong ETag (RFC 9110 section 8.8.3): `"<rev>-<hash8>"`. */
export function entityTag({ rev, hash }: Tagged): string {
  return `"${rev}-${hash.slice(0, 8)}"`;
}

/**
 * Reads `If-Match`. A weak tag, or one that was never ours, matches nothing (RFC 9110 section
 * 13.1.1); of a list the first of ours counts.
 */
export function readIfMatch(header: string | undefined): IfMatch {
  const tags = header?.split(",").map((tag) => tag.trim()) ?? [];
  if (header === undefined || header.trim() === "") return { kind: "missing" };
  if (tags.includes("*")) return { kind: "any" };
  for (const text of tags) {
    const groups = ours.exec(text)?.groups;
    if (groups !== undefined) {
      return { kind: "tag", tag: { rev: Number(groups["rev"]), hash: groups["hash"] ?? "" } };
    }
  }
  return { kind: "foreign" };
}

/** Whether `If-None-Match` names this ETag, weakly compared (RFC 9110 section 13.1.2). */
export function matchesNone(header: string | undefined, tag: string): boolean {
  const tags = header?.split(",").map((text) => text.trim().replace(/^W\//, "")) ?? [];
  return tags.includes("*") || tags.includes(tag);
}
