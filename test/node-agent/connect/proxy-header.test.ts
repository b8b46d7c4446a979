import { expect, test } from "vitest";

import {
  proxyHeader,
  type AnnouncedTls,
  type ConnectionEnds,
} from "../../../node-agent/connect/proxy-header.ts";

const ipv4: ConnectionEnds = {
  address: "192.0.2.1",
  port: 51_000,
  localAddress: "198.51.100.2",
  localPort: 443,
};
const ipv6 = { ...ipv4, address: "2001:db8::1", localAddress: "fe80::2%eth0" };
const unix = { address: "", port: 0, localAddress: "", localPort: 0 };

const tls: AnnouncedTls = {
  serverName: "www.example.com",
  alpn: "h2",
  session: {
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    isResumed: false,
    client: { commonName: "machine-7", isVerified: true },
  },
};

test("version 1 is one line; a client without an address is unknown", () => {
  expect(line(ipv4)).toBe("PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n");
  expect(line(ipv6)).toBe("PROXY TCP6 2001:db8::1 fe80::2 51000 443\r\n");
  expect(line({ ...ipv4, address: "::ffff:192.0.2.1" })).toBe(line(ipv4));
  expect(line(unix)).toBe("PROXY UNKNOWN\r\n");
  expect(line({ ...ipv4, localAddress: "2001:db8::2" })).toBe("PROXY UNKNOWN\r\n");
});

test("X-PRX-04 version 2 is the same in bytes, exactly as the document has it", () => {
  const start = "0d0a0d0a000d0a515549540a";
  expect(hex(ipv4)).toBe(`${start}2111000cc0000201c6336402c73801bb`);
  const addresses = `20010db8${"0".repeat(23)}1fe80${"0".repeat(27)}2`;
  expect(hex(ipv6)).toBe(`${start}21210024${addresses.slice(0, 64)}c73801bb`);
});

test("X-PRX-04 without an address to tell, version 2 is LOCAL, with what is known of TLS", () => {
  const local = "0d0a0d0a000d0a515549540a2000";
  expect(hex(unix)).toBe(`${local}0000`);
  expect(hex({ ...ipv4, localAddress: "2001:db8::2" })).toBe(`${local}0000`);
  const about = { ...tls, serverName: "", session: undefined };
  const told = proxyHeader({ version: 2, tellsTls: true }, unix, about);
  expect(Buffer.from(told).toString("hex")).toBe(`${local}00050100026832`);
});

test("X-PRX-04 TLS is told where it is asked for and known", () => {
  const parts = partsOf(Buffer.from(header(tls)).subarray(28));
  expect(parts.map(({ type }) => type)).toEqual([0x01, 0x02, 0x20]);
  expect(parts[0]?.value.toString()).toBe("h2");
  expect(parts[1]?.value.toString()).toBe("www.example.com");
  const session = parts[2]?.value ?? Buffer.alloc(0);
  expect(session.subarray(0, 5).toString("hex")).toBe("0700000000");
  const inner = partsOf(session.subarray(5)).map(({ type, value }) => [type, value.toString()]);
  expect(inner).toEqual([
    [0x21, "TLSv1.3"],
    [0x22, "machine-7"],
    [0x23, "TLS_AES_128_GCM_SHA256"],
  ]);

  const withoutClient = {
    ...tls,
    alpn: "",
    session: { version: "a", cipher: "b", isResumed: false, client: undefined },
  };
  const [name, bare] = partsOf(Buffer.from(header(withoutClient)).subarray(28));
  expect(name?.type).toBe(0x02);
  // TLS, without a certificate and so without a verified one.
  expect(bare?.value.subarray(0, 5).toString("hex")).toBe("0100000001");

  expect(partsOf(Buffer.from(header({ ...tls, session: undefined })).subarray(28))).toHaveLength(2);
  expect(Buffer.from(header(undefined))).toHaveLength(28);
  expect(proxyHeader({ version: 2, tellsTls: false }, ipv4, tls)).toHaveLength(28);
});

test("X-PRX-04 a certificate counts as shown in the connection whose handshake had it, and in all of its session", () => {
  const bitsOf = (session: Partial<NonNullable<AnnouncedTls["session"]>>): string | undefined => {
    if (tls.session === undefined) throw new Error("there is none");
    const about = { ...tls, session: { ...tls.session, ...session } };
    const parts = partsOf(Buffer.from(header(about)).subarray(28));
    return parts
      .find(({ type }) => type === 0x20)
      ?.value.subarray(0, 5)
      .toString("hex");
  };
  const unverified = { commonName: "machine-7", isVerified: false };

  expect(bitsOf({})).toBe("0700000000");
  expect(bitsOf({ isResumed: true })).toBe("0500000000");
  expect(bitsOf({ client: unverified })).toBe("0700000001");
  expect(bitsOf({ client: unverified, isResumed: true })).toBe("0500000001");
  expect(bitsOf({ client: undefined, isResumed: true })).toBe("0100000001");
});

function line(ends: ConnectionEnds): string {
  return Buffer.from(proxyHeader({ version: 1, tellsTls: true }, ends, tls)).toString();
}

function hex(ends: ConnectionEnds): string {
  const bytes = proxyHeader({ version: 2, tellsTls: true }, ends, undefined);
  return Buffer.from(bytes).toString("hex");
}

function header(about: AnnouncedTls | undefined): Uint8Array {
  return proxyHeader({ version: 2, tellsTls: true }, ipv4, about);
}

interface Part {
  readonly type: number;
  readonly value: Buffer;
}

function partsOf(bytes: Buffer): readonly Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    parts.push({ type: bytes[at] ?? 0, value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return parts;
}
