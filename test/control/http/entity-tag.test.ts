import { describe, expect, test } from "vitest";

import { entityTag, matchesNone, readIfMatch } from "../../../control/http/entity-tag.ts";

const hash = "3f8a2c91".padEnd(64, "0");

test("an ETag names the revision and the beginning of the hash", () => {
  expect(entityTag({ rev: 17, hash })).toBe('"17-3f8a2c91"');
});

describe("If-Match", () => {
  const tag = { kind: "tag", tag: { rev: 17, hash: "3f8a2c91" } };

  test.for([
    [undefined, { kind: "missing" }],
    ["", { kind: "missing" }],
    ["*", { kind: "any" }],
    ['"17-3f8a2c91"', tag],
    ['"abc", "17-3f8a2c91"', tag],
    ['W/"17-3f8a2c91"', { kind: "foreign" }],
    ['"abc"', { kind: "foreign" }],
    ["17-3f8a2c91", { kind: "foreign" }],
    ['"17-3F8A2C91"', { kind: "foreign" }],
    ['"9999999999999999999999-3f8a2c91"', { kind: "foreign" }],
  ] as const)("%s is read as %o", ([header, wanted]) => {
    expect(readIfMatch(header)).toEqual(wanted);
  });
});

describe("If-None-Match", () => {
  test.for([
    [undefined, false],
    ['"17-3f8a2c91"', true],
    ['W/"17-3f8a2c91"', true],
    ['"1-00000000", "17-3f8a2c91"', true],
    ["*", true],
    ['"18-3f8a2c91"', false],
  ] as const)("%s: %s", ([header, wanted]) => {
    expect(matchesNone(header, '"17-3f8a2c91"')).toBe(wanted);
  });
});
