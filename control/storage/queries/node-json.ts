/**
 * A text as Postgres can store it: without NUL and without halves of surrogate pairs. What a node
 * says about itself is shown, never interpreted, so that losing such a character harms nothing.
 */
export function storableText(text: string): string {
  return text.replaceAll("\u0000", "").toWellFormed();
}

/**
 * JSON that Postgres takes as jsonb, whatever texts are in it: one node's odd character must not
 * fail the statement that many nodes share.
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return text;
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "string" ? storableText(inner) : inner,
  );
}
