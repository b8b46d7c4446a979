import fc from "fast-check";
import { expect, test } from "vitest";

import { readProbeBytes } from "#shared/definition/healthcheck/probe-bytes.ts";

test.each([
  ["PING", [0x50, 0x49, 0x4e, 0x47]],
  ["\\r\\n\\t", [0x0d, 0x0a, 0x09]],
  ["\\a\\b\\f\\v", [0x07, 0x08, 0x0c, 0x0b]],
  ["\\\\\\'\\\"", [0x5c, 0x27, 0x22]],
  ["\\x00\\xfF", [0x00, 0xff]],
  ["\\101\\377", [0x41, 0xff]],
  ["\\u00e9", [0xc3, 0xa9]],
  ["\\U0001F600", [0xf0, 0x9f, 0x98, 0x80]],
  ["\u00e9\u{1F600}", [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80]],
  ['"quoted"\n', [...new TextEncoder().encode('"quoted"\n')]],
  ["", []],
])("%j stands for its bytes", (text, bytes) => {
  expect(readProbeBytes(text)).toEqual({ ok: true, value: Uint8Array.from(bytes) });
});

test.each(["\\", "\\q", "\\x1", "\\xzz", "\\400", "\\09", "\\ud800", "\\U00110000", "ok\\"])(
  "%j is refused",
  (text) => {
    expect(readProbeBytes(text)).toMatchObject({ ok: false, code: "invalid-format" });
  },
);

test("any text without a backslash is its own UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!text.includes("\\") && text.isWellFormed());
      expect(readProbeBytes(text)).toEqual({ ok: true, value: new TextEncoder().encode(text) });
    }),
  );
});
