import { expect, test } from "vitest";

import {
  addressesOverlap,
  listenAddressesOf,
  listenAddressText,
} from "../../../node-agent/listen/listen-addresses.ts";

test("every way of writing the wildcard is one address that takes IPv4 and IPv6", () => {
  const wildcard = [{ kind: "tcp", host: "::", port: 443 }];
  for (const text of [":443", "0.0.0.0:443", "[::]:443"]) {
    expect(listenAddressesOf(text, "tcp")).toEqual(wildcard);
  }
});

test("addresses and Unix sockets are taken as they are written", () => {
  expect(listenAddressesOf("10.0.0.1:80", "tls")).toEqual([
    { kind: "tcp", host: "10.0.0.1", port: 80 },
  ]);
  expect(listenAddressesOf("[::1]:80", "udp")).toEqual([{ kind: "udp", host: "::1", port: 80 }]);
  expect(listenAddressesOf("unix:/run/web.sock", "tcp")).toEqual([
    { kind: "unix", path: "/run/web.sock" },
  ]);
});

test("each port of a range is an address of its own", () => {
  const addresses = listenAddressesOf("10.0.0.1:80-90", "udp");

  expect(addresses).toHaveLength(11);
  expect(addresses.map(listenAddressText)).toEqual(
    Array.from({ length: 11 }, (_, index) => `udp:10.0.0.1:${80 + index}`),
  );
});

test("addresses overlap on one port and transport, when one is the wildcard or both are the same", () => {
  const of = (text: string, protocol: "tcp" | "udp") => {
    const [address] = listenAddressesOf(text, protocol);
    if (address === undefined) throw new Error("no address");
    return address;
  };
  const one = of("10.0.0.1:53", "tcp");

  expect(addressesOverlap(one, of("10.0.0.1:53", "tcp"))).toBe(true);
  expect(addressesOverlap(one, of(":53", "tcp"))).toBe(true);
  expect(addressesOverlap(one, of("10.0.0.1:53", "udp"))).toBe(false);
  expect(addressesOverlap(one, of("10.0.0.2:53", "tcp"))).toBe(false);
  expect(addressesOverlap(one, of("10.0.0.1:54", "tcp"))).toBe(false);
  expect(addressesOverlap(one, of("unix:/run/a", "tcp"))).toBe(false);
});

test("what this agent cannot listen on is a fault, should it ever get here", () => {
  expect(() => listenAddressesOf("interface:eth0:80", "tcp")).toThrow(
    expect.objectContaining({ code: "listen/unsupported" }),
  );
});
