import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { proxyHeaderBytesMax } from "#shared/base/limits.ts";

import { proxyHeader } from "../../../node-agent/connect/proxy-header.ts";
import type { AnnouncedPeer } from "../../../node-agent/listen/announced-peer.ts";
import { crc32c } from "../../../node-agent/listen/crc32c.ts";
import { readProxyHeader } from "../../../node-agent/listen/proxy-header.ts";

const peer4: AnnouncedPeer = {
  address: "192.0.2.1",
  port: 51_000,
  localAddress: "198.51.100.2",
  localPort: 443,
};
const peer6: AnnouncedPeer = { ...peer4, address: "2001:db8::1", localAddress: "2001:db8::2" };

const signature = Buffer.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
const data = Buffer.from("what the client says");

/** A header of version 2 from its parts. */
function block(command: number, family: number, rest: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([signature, Buffer.from([command, family]), length, rest]);
}

function part(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);
}

/** With the checksum that it ends with. */
function summed(header: Buffer): Buffer {
  const cleared = Buffer.from(header).fill(0, header.length - 4);
  cleared.writeUInt32BE(crc32c(cleared), header.length - 4);
  return cleared;
}

const addresses4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 199, 56, 1, 187]);

describe("version 1", () => {
  test("X-PRX-08 a line of IPv4 or IPv6 is read up to its end, and no further", () => {
    const line = "PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n";
    const header = { kind: "header", length: line.length };
    expect(read(line)).toEqual({ ...header, peer: peer4 });
    expect(read(`${line}GET /`)).toEqual({ ...header, peer: peer4 });
    expect(read("PROXY TCP6 2001:db8::1 2001:DB8:0::2 51000 443\r\n")).toMatchObject({
      peer: peer6,
    });
    expect(read("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 51000 443\r\n")).toMatchObject({
      peer: peer4,
    });
  });

  test("an unknown client is the proxy's own, whatever else the line says", () => {
    for (const line of ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 x 65535 9\r\n"]) {
      expect(read(line)).toEqual({ kind: "header", length: line.length, peer: undefined });
    }
  });

  test.for<[string, string]>([
    ["a wrong family", "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n"],
    ["no family", "PROXY \r\n"],
    ["a word that only begins as UNKNOWN", "PROXY UNKNOWNS\r\n"],
    ["an IPv6 address as TCP4", "PROXY TCP4 2001:db8::1 198.51.100.2 1 2\r\n"],
    ["an IPv4 address as TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"],
    ["an address with a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n"],
    ["no address", "PROXY TCP4 host.test 198.51.100.2 1 2\r\n"],
    ["a port above 65535", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n"],
    ["a port with a zero before it", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"],
    ["a negative port", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n"],
    ["two blanks", "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n"],
    ["a part too many", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"],
    ["a part too few", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"],
    ["a zero before a number", "PROXY TCP4 010.1.2.3 198.51.100.2 1 2\r\n"],
    ["a zero before the last one", "PROXY TCP4 192.0.2.1 198.51.100.02 1 2\r\n"],
    ["a zero in a mapped address", "PROXY TCP6 ::ffff:010.1.2.3 2001:db8::2 1 2\r\n"],
    ["no end", `PROXY UNKNOWN ${"x".repeat(93)}`],
  ])("%s is refused", ([, line]) => {
    expect(read(line)).toMatchObject({ kind: "invalid" });
  });
});

describe("version 2", () => {
  test("X-PRX-08 IPv4 and IPv6 are read; what else it carries is stepped over", () => {
    const plain = block(0x21, 0x11, addresses4);
    expect(read(plain, data)).toEqual({ kind: "header", length: 28, peer: peer4 });
    const more = Buffer.concat([addresses4, part(0xea, Buffer.from("vpce-1")), part(4, data)]);
    const carrying = block(0x21, 0x11, more);
    expect(read(carrying, data)).toEqual({ kind: "header", length: carrying.length, peer: peer4 });
    const ends = { ...peer6, address: "2001:db8::1" };
    const announced = proxyHeader({ version: 2, tellsTls: false }, ends, undefined);
    expect(read(announced, data)).toEqual({ kind: "header", length: 52, peer: peer6 });
    expect(read(block(0x21, 0x12, addresses4))).toMatchObject({ peer: peer4 });
  });

  test("the proxy's own connection, and families without an address of IP, announce nobody", () => {
    const nobody = [
      block(0x20, 0x00, Buffer.alloc(0)),
      block(0x20, 0x11, addresses4),
      block(0x20, 0xff, data),
      block(0x21, 0x00, Buffer.alloc(0)),
      block(0x21, 0x00, data),
      block(0x21, 0x31, Buffer.alloc(216)),
    ];
    for (const bytes of nobody) {
      expect(read(bytes, data)).toEqual({ kind: "header", length: bytes.length, peer: undefined });
    }
  });

  test("a checksum that is right is taken, a wrong one is refused", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
    const whole = block(
      0x21,
      0x11,
      Buffer.concat([addresses4, part(3, Buffer.alloc(4)), part(4, data)]),
    );
    whole.writeUInt32BE(crc32c(whole), 16 + 12 + 3);
    expect(read(whole, data)).toMatchObject({ kind: "header", peer: peer4 });
    for (let at = 16; at < whole.length; at += 1) {
      // Of another type it would be no checksum.
      if (at === 16 + 12) continue;
      const wrong = Buffer.from(whole);
      wrong[at] = (wrong[at] ?? 0) ^ 0x40;
      expect(read(wrong)).toMatchObject({ kind: "invalid" });
    }
  });

  test("X-PRX-08 a checksum is checked also where nobody is announced, but for the proxy's own connection", () => {
    const wrong = part(3, Buffer.from("abcd"));
    const paths = Buffer.alloc(216);
    const announcing = [
      [0x00, Buffer.alloc(0)],
      [0x31, paths],
      [0x32, paths],
    ] as const;
    for (const [family, addresses] of announcing) {
      const rest = Buffer.concat([addresses, part(4, data), wrong, part(4, data)]);
      expect(read(block(0x21, family, rest))).toMatchObject({ kind: "invalid" });
      const right = summed(block(0x21, family, Buffer.concat([addresses, wrong])));
      expect(read(right)).toEqual({ kind: "header", length: right.length, peer: undefined });
    }
    // The protocol has the whole of it discarded.
    expect(read(block(0x20, 0x00, wrong))).toMatchObject({ kind: "header" });
    // These are no parts, so they are an address of a kind that nobody knows.
    expect(read(block(0x21, 0x00, Buffer.from([...wrong, 1])))).toMatchObject({ kind: "header" });
  });

  test.for<[string, Uint8Array]>([
    ["another version", block(0x31, 0x11, addresses4)],
    ["an unknown command", block(0x22, 0x11, addresses4)],
    ["an unknown family", block(0x21, 0x41, addresses4)],
    ["an unknown transport", block(0x21, 0x13, addresses4)],
    ["no room for its addresses", block(0x21, 0x11, addresses4.subarray(1))],
    ["no room for IPv6", block(0x21, 0x21, addresses4)],
    ["no room for two paths", block(0x21, 0x31, Buffer.alloc(215))],
    ["a part that is cut behind paths", block(0x21, 0x31, Buffer.alloc(218))],
    ["a part that is cut", block(0x21, 0x11, Buffer.concat([addresses4, Buffer.from([4, 0, 9])]))],
    [
      "a checksum of three bytes",
      block(0x21, 0x11, Buffer.concat([addresses4, part(3, Buffer.alloc(3))])),
    ],
    ["more than fits", block(0x21, 0x11, Buffer.alloc(proxyHeaderBytesMax))],
  ])("%s is refused", ([, bytes]) => {
    expect(read(bytes)).toMatchObject({ kind: "invalid" });
  });
});

test("a header that is cut anywhere is asked for more of; anything else is known by its first bytes", () => {
  const whole = [
    Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n"),
    Buffer.from("PROXY UNKNOWN\r\n"),
    block(0x21, 0x11, Buffer.concat([addresses4, part(4, data)])),
  ];
  for (const bytes of whole) {
    for (let cut = 0; cut < bytes.length; cut += 1) {
      const reading = readProxyHeader(bytes.subarray(0, cut));
      expect(reading).toMatchObject({ kind: "incomplete" });
      if (reading.kind === "incomplete") {
        expect(reading.bytesMin).toBeGreaterThan(cut);
        expect(reading.bytesMin).toBeLessThanOrEqual(bytes.length);
      }
    }
  }
  for (const other of ["GET / HTTP/1.1\r\n", "PROXXY TCP4", "\r\n\r\n\r", "\x16\x03\x01", "p"]) {
    expect(read(other)).toEqual({ kind: "absent" });
  }
});

describe("whatever the bytes, there is an answer", () => {
  const beginnings = [
    Buffer.alloc(0),
    Buffer.from("PROXY "),
    Buffer.from("PROXY TCP4 1"),
    signature,
  ];

  test("of random bytes, with the beginning of a header before them", () => {
    const property = fc.property(
      fc.constantFrom(...beginnings),
      fc.uint8Array({ maxLength: 300 }),
      (beginning, rest) => isAnswered(Buffer.concat([beginning, rest])),
    );
    fc.assert(property, { numRuns: 3_000 });
  });

  test("of a header with bytes changed", () => {
    const original = block(
      0x21,
      0x11,
      Buffer.concat([addresses4, part(4, data), part(0xea, data)]),
    );
    const changes = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 5 });
    const property = fc.property(changes, (edits) => {
      const bytes = Buffer.from(original);
      for (const [at, byte] of edits) bytes[at] = byte;
      isAnswered(bytes);
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  test("and what we write ourselves is what is read again", () => {
    const port = fc.nat(65_535);
    const ends4 = fc.record({ address: fc.ipV4(), port, localAddress: fc.ipV4(), localPort: port });
    const ends6 = fc.record({ address: fc.ipV6(), port, localAddress: fc.ipV6(), localPort: port });
    const version = fc.constantFrom<1 | 2>(1, 2);
    const property = fc.property(version, fc.oneof(ends4, ends6), (number, ends) => {
      const bytes = proxyHeader({ version: number, tellsTls: false }, ends, undefined);
      const reading = readProxyHeader(Buffer.concat([bytes, data]));
      expect(reading).toMatchObject({ kind: "header", length: bytes.length });
      const peer = reading.kind === "header" ? reading.peer : undefined;
      // A mapped address beside one that is not is no family that both are of.
      if (peer === undefined) return;
      expect(peer).toMatchObject({ port: ends.port, localPort: ends.localPort });
      const again = proxyHeader({ version: number, tellsTls: false }, peer, undefined);
      expect(readProxyHeader(again)).toMatchObject({ peer });
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});

function isAnswered(bytes: Uint8Array): void {
  const guarded = new Uint8Array(bytes.length + 64).fill(0x0a);
  guarded.set(bytes);
  const reading = readProxyHeader(guarded.subarray(0, bytes.length));
  expect(readProxyHeader(bytes)).toEqual(reading);
  if (reading.kind === "header") expect(reading.length).toBeLessThanOrEqual(bytes.length);
  if (reading.kind === "incomplete") expect(reading.bytesMin).toBeGreaterThan(bytes.length);
}

function read(...parts: readonly (string | Uint8Array)[]): unknown {
  const bytes = parts.map((one) => (typeof one === "string" ? Buffer.from(one, "latin1") : one));
  return readProxyHeader(Buffer.concat(bytes));
}
