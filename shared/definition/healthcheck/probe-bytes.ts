import { refused, understood, type Reading } from "../reading.ts";

/** One escape after its backslash, or one other character. Octal and hexadecimal forms as in Go. */
const piece =
  /\\(?:(?<plain>[abfnrtv\\'"])|(?<octal>[0-7]{3})|x(?<byte>[0-9a-fA-F]{2})|(?:u(?<four>[0-9a-fA-F]{4})|U(?<eight>[0-9a-fA-F]{8})))|(?<text>[^\\])/gsuy;

const plainEscapes: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
  "\\": 0x5c,
  "'": 0x27,
  '"': 0x22,
};

/**
 * The bytes that a probe's text stands for: Go's escapes (`\n`, `\x00`, `\101`, `\u00e9` …), and
 * every other character as UTF-8. Says where an escape is not understood.
 */
export function readProbeBytes(text: string): Reading<Uint8Array> {
  const bytes: number[] = [];
  let index = 0;
  for (const match of text.matchAll(piece)) {
    const pieceBytes = bytesOf(match.groups ?? {});
    if (pieceBytes === undefined) break;
    bytes.push(...pieceBytes);
    index += match[0].length;
  }
  return index < text.length ? badEscape(text, index) : understood(Uint8Array.from(bytes));
}

/** Undefined when the escape names no byte and no character. */
function bytesOf(
  groups: Readonly<Record<string, string | undefined>>,
): readonly number[] | undefined {
  if (groups["text"] !== undefined) return utf8(groups["text"]);
  if (groups["plain"] !== undefined) return [plainEscapes[groups["plain"]] ?? 0];
  if (groups["byte"] !== undefined) return [Number.parseInt(groups["byte"], 16)];
  if (groups["octal"] !== undefined) return byteOnly(Number.parseInt(groups["octal"], 8));
  return characterOf(Number.parseInt(groups["four"] ?? groups["eight"] ?? "", 16));
}

function byteOnly(value: number): readonly number[] | undefined {
  return value <= 0xff ? [value] : undefined;
}

function characterOf(codePoint: number): readonly number[] | undefined {
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint > 0x10ffff || isSurrogate ? undefined : utf8(String.fromCodePoint(codePoint));
}

function utf8(text: string): readonly number[] {
  return [...new TextEncoder().encode(text)];
}

function badEscape(text: string, index: number): Reading<never> {
  return refused(
    "invalid-format",
    `"${text.slice(index, index + 4)}" is not an escape that is known`,
  );
}
