/**
 * A text as Postgres can store it: without NUL and without halves of surrogate pairs. What a node
 * says about itself is shown, never interpreted, so that losing such a character harms nothing.
 */
export function storableText(text: string): string {
  return text.replaceAll("\u0000", "").toWellFormed();
}

/**
 * JSON that Postgres takes as jsonb, whatever texts are in it, keys among them: one node's odd
 * character must not fail the statement that many nodes share. Of keys that become the same one,
 * the last stays.
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return text;
  return JSON.stringify(value, (_, inner: unknown) => withStorableTexts(inner));
}

/** A text, or an object's keys; what is inside the object comes next. */
function withStorableTexts(value: unknown): unknown {
  if (typeof value === "string") return storableText(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, unknown] => [storableText(key), inner]),
  );
}
