import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { isWildcard, parseBind, portsOf, readBind } from "#shared/definition/bind.ts";

describe("a bind", () => {
  test.each([
    ["0.0.0.0:443", { kind: "address", host: "0.0.0.0", fromPort: 443, toPort: 443 }],
    [":443", { kind: "address", host: "::", fromPort: 443, toPort: 443 }],
    ["localhost:80", { kind: "address", host: "127.0.0.1", fromPort: 80, toPort: 80 }],
    ["127.0.0.1:8000-8010", { kind: "address", host: "127.0.0.1", fromPort: 8000, toPort: 8010 }],
    ["[::1]:80", { kind: "address", host: "::1", fromPort: 80, toPort: 80 }],
    ["[FD00:0:0::0005]:80", { kind: "address", host: "fd00::5", fromPort: 80, toPort: 80 }],
    ["[::ffff:10.0.0.1]:80", { kind: "address", host: "10.0.0.1", fromPort: 80, toPort: 80 }],
    ["[fe80::1%eth0]:80", { kind: "address", host: "fe80::1%eth0", fromPort: 80, toPort: 80 }],
    ["unix:/run/web.sock", { kind: "unix", path: "/run/web.sock" }],
    ["interface:eth0:80", { kind: "interface", name: "eth0", fromPort: 80, toPort: 80 }],
    ["interface:public:1-3", { kind: "interface", name: "public", fromPort: 1, toPort: 3 }],
  ])("%s is understood", (text, bind) => {
    expect(parseBind(text)).toEqual(bind);
  });

  test.each([
    "",
    "443",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:http",
    "127.0.0.1:10-9",
    "127.0.0.1:1-",
    "127.0.0.1:1-2-3",
    "127.1:80",
    "0x7f.0.0.1:80",
    "256.0.0.1:80",
    "www.example.com:80",
    "*:80",
    "::1:80",
    "[::1]",
    "[::1:80",
    "[127.0.0.1]:80",
    "unix:web.sock",
    `unix:/${"x".repeat(107)}`,
    "interface:eth0",
    "interface::80",
  ])("%j is refused with a reason", (text) => {
    expect(readBind(text)).toEqual({
      ok: false,
      code: "invalid-address",
      detail: expect.stringMatching(/./),
    });
  });

  test("an unchecked text is a fault of ours", () => {
    expect(() => parseBind("nowhere")).toThrow(
      expect.objectContaining({ code: "definition/not-a-bind", owner: "platform" }),
    );
  });

  test("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0:.-[]%unix/interface12fe") }), (text) => {
        expect(typeof readBind(text).ok).toBe("boolean");
      }),
    );
  });
});

test("portsOf counts a range out, and a Unix socket as none", () => {
  expect(portsOf(parseBind(":80"))).toBe(1);
  expect(portsOf(parseBind(":8000-8009"))).toBe(10);
  expect(portsOf(parseBind("unix:/a"))).toBe(0);
});

test("isWildcard knows both families", () => {
  expect(["::", "0.0.0.0", "127.0.0.1", "::1"].map(isWildcard)).toEqual([true, true, false, false]);
});
