import { BlockList, isIPv6 } from "node:net";

import fc from "fast-check";
import { expect, test } from "vitest";

import { addressBytes } from "#shared/base/ip-address.ts";
import { parseAccessRule } from "#shared/definition/access.ts";

import { createAccessList } from "../../../node-agent/listen/access-list.ts";

/** Asks about addresses, with the rules as they are written. */
function asking(rules: readonly string[], otherwise: "allow" | "deny" = "allow") {
  const list = createAccessList({ default: otherwise, rules: rules.map(parseAccessRule) });
  return (address: string): "allow" | "deny" =>
    list.allows(addressBytes(address)) ? "allow" : "deny";
}

test("F-ACL-01 without rules the default decides: absent is allow, deny refuses all", () => {
  for (const address of ["10.0.0.1", "255.255.255.255", "0.0.0.0", "::", "2001:db8::1"]) {
    expect(asking([])(address)).toBe("allow");
    expect(asking([], "deny")(address)).toBe("deny");
  }
});

test("F-ACL-02 the first rule that matches decides", () => {
  const narrowFirst = asking(["deny 10.1.0.0/16", "allow 10.0.0.0/8"], "deny");
  expect([narrowFirst("10.1.2.3"), narrowFirst("10.2.0.1"), narrowFirst("11.0.0.1")]).toEqual([
    "deny",
    "allow",
    "deny",
  ]);
  const wideFirst = asking(["allow 10.0.0.0/8", "deny 10.1.0.0/16"], "deny");
  expect([wideFirst("10.1.2.3"), wideFirst("11.0.0.1")]).toEqual(["allow", "deny"]);
});

test("F-ACL-03 addresses and networks of IPv4 and IPv6 match, at their borders too", () => {
  const rules = ["deny 10.0.0.5", "deny 192.168.0.0/24", "deny 2001:db8::5", "deny fd00::/8"];
  const ask = asking(rules);
  const denied = ["10.0.0.5", "192.168.0.0", "192.168.0.255", "2001:db8::5", "fd00::", "fdff::1"];
  const allowed = [
    "10.0.0.4",
    "10.0.0.6",
    "192.167.255.255",
    "192.168.1.0",
    "2001:db8::4",
    "fe00::",
  ];
  expect(denied.map(ask)).toEqual(denied.map(() => "deny"));
  expect(allowed.map(ask)).toEqual(allowed.map(() => "allow"));
});

test("F-ACL-03 a network may be written by any of its addresses, and all of a family at once", () => {
  expect(asking(["deny 10.7.8.9/8"])("10.255.0.1")).toBe("deny");
  const ask = asking(["deny 0.0.0.0/0"]);
  expect([ask("0.0.0.0"), ask("255.255.255.255"), ask("::1")]).toEqual(["deny", "deny", "allow"]);
  const six = asking(["deny ::/0"]);
  expect([six("::"), six("ffff::"), six("10.0.0.1")]).toEqual(["deny", "deny", "allow"]);
});

test("F-ACL-04 an IPv4 client of a dual-stack socket is judged by the IPv4 rules", () => {
  const ask = asking(["deny 10.0.0.0/8"]);
  expect([ask("::ffff:10.1.1.1"), ask("::ffff:11.1.1.1")]).toEqual(["deny", "allow"]);
  expect(asking(["deny ::ffff:10.0.0.0/104"])("10.200.0.1")).toBe("deny");
  expect(asking(["deny ::ffff:10.0.0.1"])("10.0.0.1")).toBe("deny");
});

test("a client without an address, one of a Unix socket, is judged by the default", () => {
  expect(asking(["deny 0.0.0.0/0", "deny ::/0"])("")).toBe("allow");
  expect(asking(["allow 0.0.0.0/0", "allow ::/0"], "deny")("")).toBe("deny");
});

/** Eight numbers, so that none is written as mapped from IPv4. */
const ipv6 = fc
  .array(fc.integer({ min: 0x2000, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((words) => words.map((word) => word.toString(16)).join(":"));

const somewhere = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 255 }))
    .map(([third, fourth]) => `10.0.${third}.${fourth}`),
  fc.ipV4(),
  fc.integer({ min: 0, max: 0xffff }).map((last) => `2001:db8::${last.toString(16)}`),
  ipv6,
);
const rule = fc
  .tuple(fc.constantFrom("allow", "deny"), somewhere, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([action, address, part]) => {
    const bits = address.includes(":") ? 128 : 32;
    return `${action} ${address}/${bits - Math.floor(part * part * bits)}`;
  });

test("F-ACL-02 any list says what looking at the rules one by one says", () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 40 }),
      fc.constantFrom<"allow" | "deny">("allow", "deny"),
      fc.array(somewhere, { minLength: 1, maxLength: 30 }),
      (rules, otherwise, addresses) => {
        const ask = asking(rules, otherwise);
        const borders = rules.map((one) => one.split(" ")[1]?.split("/")[0] ?? "");
        for (const address of [...addresses, ...borders]) {
          expect([address, ask(address)]).toEqual([address, oneByOne(rules, otherwise, address)]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** Node's own matching, one rule at a time. */
function oneByOne(rules: readonly string[], otherwise: string, address: string): string {
  const hit = rules.find((text) => {
    const [network = "", length] = text.split(" ")[1]?.split("/") ?? [];
    const list = new BlockList();
    list.addSubnet(network, Number(length), familyOf(network));
    return familyOf(network) === familyOf(address) && list.check(address, familyOf(address));
  });
  return hit?.split(" ")[0] ?? otherwise;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

test("a thousand rules are looked through in a few steps", () => {
  const rules = Array.from(
    { length: 1_000 },
    (_, index) => `deny 10.${index >> 8}.${index & 255}.7`,
  );
  const ask = asking(rules);
  expect([ask("10.3.231.7"), ask("10.3.231.8"), ask("10.3.232.7")]).toEqual([
    "deny",
    "allow",
    "allow",
  ]);
});
