import { expect, test } from "vitest";

import { minimalBalancer as minimal } from "../definition/full-definitions.ts";
import { minimalHealthchecks } from "../definition/full-healthchecks.ts";
import { codesOf, stored } from "./checking.ts";

const tls = { certificates: [{ certificate: "crt_01" }] };
const udpEnd = { clientIdleTimeout: "30s" };

test("F-CFG-20 udp with backendTls is refused", () => {
  expect(codesOf(minimal({ protocol: "udp", limits: udpEnd, backendTls: {} }))).toEqual([
    "/backendTls conflict",
  ]);
});

test("F-CFG-21 udp without any timeout and without request or response limits is refused", () => {
  expect(codesOf(minimal({ protocol: "udp" }))).toEqual(["/udp required"]);
  expect(codesOf(minimal({ protocol: "udp", udp: { maxRequests: 0 } }))).toEqual(["/udp required"]);
  for (const end of [
    { limits: { clientIdleTimeout: "1s" } },
    { limits: { backendIdleTimeout: "1s" } },
    { udp: { maxRequests: 1 } },
    { udp: { maxResponses: 1 } },
  ]) {
    expect(stored(minimal({ protocol: "udp", ...end })).protocol).toBe("udp");
  }
});

test("F-CFG-28 F-HC-23 ping on udp is refused; the other kinds are not", () => {
  const withCheck = (healthcheck: unknown): unknown =>
    minimal({ protocol: "udp", limits: udpEnd, healthcheck });
  expect(codesOf(withCheck({ kind: "ping" }))).toEqual(["/healthcheck/kind conflict"]);
  for (const kind of ["none", "probe", "exec", "http"]) {
    stored(withCheck(minimalHealthchecks[kind]));
  }
});

test("what means nothing to a protocol is refused, not ignored", () => {
  const udp = minimal({
    protocol: "udp",
    limits: udpEnd,
    sni: {},
    proxyProtocol: { version: "1" },
  });
  expect(codesOf(udp)).toEqual(["/sni conflict", "/proxyProtocol conflict"]);
  expect(codesOf(minimal({ udp: {} }))).toEqual(["/udp conflict"]);
  expect(codesOf(minimal({ protocol: "tls", tls, udp: {} }))).toEqual(["/udp conflict"]);
});

test("without a check of its own a udp balancer has none, and any other a ping", () => {
  expect(stored(minimal({ protocol: "udp", limits: udpEnd })).healthcheck).toEqual({
    kind: "none",
  });
  expect(stored(minimal()).healthcheck.kind).toBe("ping");
  expect(stored(minimal({ protocol: "tls", tls })).healthcheck.kind).toBe("ping");
});
