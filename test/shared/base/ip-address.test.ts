import fc from "fast-check";
import { expect, test } from "vitest";

import { addressBytes } from "#shared/base/ip-address.ts";

test("any IPv4 address becomes its four bytes", () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      expect([...addressBytes(text)]).toEqual(text.split(".").map(Number));
    }),
  );
});

test("an IPv6 address becomes sixteen bytes, without its zone; a mapped one four", () => {
  expect([...addressBytes("2001:db8::ff01")]).toEqual([
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x01,
  ]);
  expect(addressBytes("fe80::1%eth0")).toEqual(addressBytes("fe80::1"));
  expect([...addressBytes("::ffff:10.1.2.3")]).toEqual([10, 1, 2, 3]);
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      expect([4, 16]).toContain(addressBytes(text).length);
    }),
  );
});

test.each([
  "",
  "10.0.0",
  "10.0.0.0.1",
  "10.0.0.256",
  "10..0.1",
  "10.0.0.1.",
  "a.b.c.d",
  "1:2:3",
  "/run/x",
])("%j is no address", (text) => {
  expect(addressBytes(text)).toHaveLength(0);
});
