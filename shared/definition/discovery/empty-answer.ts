import { z } from "zod";

/**
 * Kinds whose answer is a text that somebody or something writes for us. One without an entry is
 * more often a writer that broke than a service without backends; the others list a registry, which
 * knows when the last entry has gone.
 */
const writtenKinds: readonly string[] = ["exec", "json", "plaintext", "srv"];

/** Says what an answer without any entry is; the kind's own default unless given. */
export const emptyAnswerSchema = z
  .enum(["fail", "accept"])
  .optional()
  .meta({
    description:
      "An answer that names nothing at all: a failed fetch, or no backends. Unless given: fail for " +
      `${writtenKinds.slice(0, -1).join(", ")} and ${writtenKinds.at(-1)}, accept for the other kinds`,
  });

export type EmptyAnswer = NonNullable<z.output<typeof emptyAnswerSchema>>;

/** What the source makes of an answer without any entry. */
export function emptyAnswerOf(source: {
  readonly kind: string;
  readonly emptyAnswer?: EmptyAnswer | undefined;
  readonly nxdomain?: "fail" | "empty" | undefined;
}): EmptyAnswer {
  if (source.emptyAnswer !== undefined) return source.emptyAnswer;
  // Where a name that does not exist means no backends, one without records does all the more.
  if (source.nxdomain === "empty") return "accept";
  return writtenKinds.includes(source.kind) ? "fail" : "accept";
}
