import { expect, test } from "vitest";

import { readAccessRule } from "#shared/definition/access.ts";

test.each([
  ["allow 10.0.0.5", { action: "allow", network: "10.0.0.5/32" }],
  ["deny 10.0.0.0/8", { action: "deny", network: "10.0.0.0/8" }],
  ["deny 2001:db8::1", { action: "deny", network: "2001:db8::1/128" }],
  ["allow 2001:db8::/32", { action: "allow", network: "2001:db8::/32" }],
])("%s is understood", (text, rule) => {
  expect(readAccessRule(text)).toEqual({ ok: true, value: rule });
});

test.each([
  "permit 10.0.0.1",
  "Allow 10.0.0.1",
  "allow",
  "allow ",
  "allow  10.0.0.1",
  "allow\t10.0.0.1",
  "allow 10.0.0.1 ",
  "allow 10.0.0.1 10.0.0.2",
  "allow 10.0.0.256",
  "allow 10.0.0.0/33",
  "allow 10.1/8",
  "allow ::1/129",
  "allow localhost",
])("%j is refused: wrong action, wrong spacing, or no address", (text) => {
  expect(readAccessRule(text)).toEqual({
    ok: false,
    code: "invalid-line",
    detail: expect.stringMatching(/./),
  });
});
