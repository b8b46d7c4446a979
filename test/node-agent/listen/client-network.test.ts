import fc from "fast-check";
import { expect, test } from "vitest";

import { addressBytes } from "#shared/base/ip-address.ts";

import { clientNetwork } from "../../../node-agent/listen/client-network.ts";

test("X-TCP-29 clients are told apart by the first bits of their address", () => {
  const network = (address: string, ipv4Prefix = 32, ipv6Prefix = 64): string =>
    clientNetwork(addressBytes(address), { ipv4Prefix, ipv6Prefix })?.toString() ?? "none";
  expect(network("10.0.0.1")).not.toBe(network("10.0.0.2"));
  expect(network("10.0.0.1", 24)).toBe(network("10.0.0.200", 24));
  expect(network("10.0.0.1", 24)).not.toBe(network("10.0.1.1", 24));
  expect(network("2001:db8::1")).toBe(network("2001:db8::ffff:0:1"));
  expect(network("2001:db8::1")).not.toBe(network("2001:db8:0:1::1"));
  expect(network("2001:db8::1", 32, 128)).not.toBe(network("2001:db8::2", 32, 128));
  expect(network("::ffff:10.0.0.1")).toBe(network("10.0.0.1"));
  expect(network("/run/x.sock")).toBe("none");
});

test("X-TCP-29 two addresses are one client exactly when the first bits are the same", () => {
  const near = fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 0, max: 127 }))
    .map(([bytes, bit]) => {
      const flipped = bytes.map((byte, index) =>
        index === bit >> 3 ? byte ^ (0x80 >> (bit & 7)) : byte,
      );
      return { one: bytes, other: flipped, bit };
    });
  fc.assert(
    fc.property(near, fc.integer({ min: 1, max: 128 }), ({ one, other, bit }, ipv6Prefix) => {
      const prefixes = { ipv4Prefix: 32, ipv6Prefix };
      const isSame =
        clientNetwork(one, prefixes)?.toString() === clientNetwork(other, prefixes)?.toString();
      expect(isSame).toBe(bit >= ipv6Prefix);
    }),
  );
});
