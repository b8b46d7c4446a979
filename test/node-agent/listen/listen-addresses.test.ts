import { expect, test } from "vitest";

import { listenAddressOf } from "../../../node-agent/listen/listen-addresses.ts";

test("every way of writing the wildcard is one address that takes IPv4 and IPv6", () => {
  const wildcard = { kind: "tcp", host: "::", port: 443 };
  for (const text of [":443", "0.0.0.0:443", "[::]:443"]) {
    expect(listenAddressOf(text)).toEqual(wildcard);
  }
});

test("addresses and Unix sockets are taken as they are written", () => {
  expect(listenAddressOf("10.0.0.1:80")).toEqual({ kind: "tcp", host: "10.0.0.1", port: 80 });
  expect(listenAddressOf("[::1]:80")).toEqual({ kind: "tcp", host: "::1", port: 80 });
  expect(listenAddressOf("unix:/run/web.sock")).toEqual({ kind: "unix", path: "/run/web.sock" });
});

test("what this agent cannot listen on is a fault, should it ever get here", () => {
  for (const text of ["interface:eth0:80", "10.0.0.1:80-90"]) {
    expect(() => listenAddressOf(text)).toThrow(
      expect.objectContaining({ code: "listen/unsupported" }),
    );
  }
});
