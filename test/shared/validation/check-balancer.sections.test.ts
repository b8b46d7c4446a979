import { describe, expect, test } from "vitest";

import { minimalBalancer as minimal } from "../definition/full-definitions.ts";
import { minimalDiscoveries } from "../definition/full-discoveries.ts";
import { fullHealthchecks } from "../definition/full-healthchecks.ts";
import { codesOf, problemsOf, stored } from "./checking.ts";

const tls = { certificates: [{ certificate: "crt_01" }] };
const udpEnd = { clientIdleTimeout: "30s" };

describe("what must be there", () => {
  test("F-CFG-13 a balancer without bind is refused, with its name in the message", () => {
    const problems = problemsOf({ ...minimal(), name: "checkout", bind: undefined });
    expect(problems).toEqual([
      { pointer: "/bind", code: "required", detail: expect.stringContaining('"checkout"') },
    ]);
    expect(codesOf(minimal({ bind: [] }))).toEqual(["/bind out-of-range"]);
  });

  test("F-CFG-14 a balancer without discovery is refused", () => {
    expect(codesOf(minimal({ discovery: undefined }))).toEqual(["/discovery required"]);
  });

  test("F-CFG-15 an omitted protocol is tcp; an unknown one is refused", () => {
    expect(stored(minimal()).protocol).toBe("tcp");
    expect(codesOf(minimal({ protocol: "sctp" }))).toEqual(["/protocol unknown-value"]);
  });

  test("F-CFG-16 an omitted strategy is weight; an unknown one is refused", () => {
    expect(stored(minimal()).strategy).toBe("weight");
    expect(codesOf(minimal({ strategy: "fastest" }))).toEqual(["/strategy unknown-value"]);
    for (const strategy of ["leastconn", "roundrobin", "iphash", "iphash1", "leastbandwidth"]) {
      expect(stored(minimal({ strategy })).strategy).toBe(strategy);
    }
  });

  test("a name is needed, and is one that needs no quoting anywhere", () => {
    expect(codesOf(minimal({ name: undefined }))).toEqual(["/name required"]);
    for (const name of ["a", "web-1.eu_2", "x".repeat(63)]) stored(minimal({ name }));
    for (const name of ["", "Web", "-a", "a-", "a b", "é", "x".repeat(64), "__proto__"]) {
      expect(codesOf(minimal({ name }))).toEqual([expect.stringMatching(/^\/name /)]);
    }
  });
});

describe("other sections", () => {
  test("the PROXY protocol has versions 1 and 2, and one must be given", () => {
    const withVersion = (proxyProtocol: unknown): unknown => minimal({ proxyProtocol });
    expect(stored(withVersion({ version: "1" })).proxyProtocol).toEqual({ version: "1" });
    expect(stored(withVersion({ version: "2" })).proxyProtocol).toEqual({ version: "2" });
    expect(codesOf(withVersion({}))).toEqual(["/proxyProtocol/version required"]);
    for (const version of ["3", "", "v1", 1, 2]) {
      expect(codesOf(withVersion({ version }))).toEqual(["/proxyProtocol/version unknown-value"]);
    }
  });

  test("a PROXY header can hold only what its version has room for and what is known", () => {
    const details = (version: "1" | "2", more: object = {}): unknown =>
      minimal({ proxyProtocol: { version, tlsDetails: true }, ...more });
    expect(codesOf(details("1", { sni: {} }))).toEqual(["/proxyProtocol/tlsDetails conflict"]);
    expect(codesOf(details("2"))).toEqual(["/proxyProtocol/tlsDetails conflict"]);
    stored(details("2", { sni: {} }));
    stored(details("2", { protocol: "tls", tls }));
    const early = { version: "1", beforeTls: true };
    expect(codesOf(minimal({ proxyProtocol: early }))).toEqual([
      "/proxyProtocol/beforeTls conflict",
    ]);
    stored(minimal({ proxyProtocol: early, backendTls: {} }));
  });

  test("a backend's own words about names and headers need the sections that they refine", () => {
    const backends = [
      { host: "a", port: 1, alpn: ["h2"] },
      { host: "b", port: 1, proxyProtocol: false },
    ];
    const discovery = { kind: "static", backends };
    expect(codesOf(minimal({ discovery }))).toEqual([
      "/discovery/backends/0/alpn conflict",
      "/discovery/backends/1/proxyProtocol conflict",
    ]);
    stored(minimal({ discovery, sni: {}, proxyProtocol: { version: "1" } }));
    const none = { kind: "static", backends: [{ host: "a", port: 1, alpn: [] }] };
    expect(codesOf(minimal({ discovery: none, sni: {} }))).toEqual([
      "/discovery/backends/0/alpn out-of-range",
    ]);
  });

  test("PROXY headers are taken from whom the definition names, and from nobody by default", () => {
    const inbound = (inboundProxyProtocol: unknown): unknown => minimal({ inboundProxyProtocol });
    const from = ["10.0.0.0/8", "2001:db8::5", "unix"];
    expect(stored(inbound({ from })).inboundProxyProtocol).toEqual({
      from,
      required: true,
      timeout: "5s",
    });
    expect(codesOf(inbound({}))).toEqual(["/inboundProxyProtocol/from required"]);
    expect(codesOf(inbound({ from: [] }))).toEqual(["/inboundProxyProtocol/from out-of-range"]);
    expect(codesOf(inbound({ from: ["10.0.0.0/33", "any", "unix:/run/a.sock"] }))).toEqual([
      "/inboundProxyProtocol/from/0 invalid-address",
      "/inboundProxyProtocol/from/1 invalid-address",
      "/inboundProxyProtocol/from/2 invalid-address",
    ]);
    const udp = { protocol: "udp", limits: udpEnd, inboundProxyProtocol: { from } };
    expect(codesOf(minimal(udp))).toEqual(["/inboundProxyProtocol conflict"]);
  });

  test("F-CFG-30 sni waits 2s, matches exactly and sends the unexpected to the default", () => {
    expect(stored(minimal({ sni: {} })).sni).toEqual({
      hostnameMatchingStrategy: "exact",
      unexpectedHostnameStrategy: "default",
      readTimeout: "2s",
    });
    const sni = {
      hostnameMatchingStrategy: "glob",
      unexpectedHostnameStrategy: "drop",
      readTimeout: "soon",
    };
    expect(codesOf(minimal({ sni }))).toEqual([
      "/sni/hostnameMatchingStrategy unknown-value",
      "/sni/unexpectedHostnameStrategy unknown-value",
      "/sni/readTimeout invalid-duration",
    ]);
  });

  test("what an empty answer means is one of two words, and does not go against nxdomain; a stored form says only what was written", () => {
    const plaintext = { ...minimalDiscoveries["plaintext"], emptyAnswer: "ignore" };
    const contrary = { ...minimalDiscoveries["srv"], nxdomain: "empty", emptyAnswer: "fail" };
    const fixed = { kind: "static", backends: [], emptyAnswer: "accept" };
    const sources = [plaintext, contrary, fixed];
    expect(codesOf(minimal({ discovery: { kind: "multi", sources } }))).toEqual([
      "/discovery/sources/0/emptyAnswer unknown-value",
      "/discovery/sources/1/emptyAnswer conflict",
      "/discovery/sources/2/emptyAnswer unknown-key",
    ]);
    const accepting = { ...contrary, emptyAnswer: "accept" };
    expect(stored(minimal({ discovery: accepting })).discovery).toMatchObject(accepting);
    const plain = stored(minimal({ discovery: minimalDiscoveries["plaintext"] })).discovery;
    expect(plain).not.toHaveProperty("emptyAnswer");
  });

  test("X-CFG-38 invalid patterns are refused when they are written: plaintext, sni, probe", () => {
    const plaintext = { ...minimalDiscoveries["plaintext"], regexPattern: "(?P<host>[" };
    expect(codesOf(minimal({ discovery: plaintext }))).toEqual([
      "/discovery/regexPattern invalid-pattern",
    ]);
    const discovery = { kind: "static", backends: ["a:1 sni=^a$", "b:1 sni=(", "c:1"] };
    const sni = { hostnameMatchingStrategy: "regexp" };
    expect(codesOf(minimal({ discovery, sni }))).toEqual([
      "/discovery/backends/1/sni invalid-pattern",
    ]);
    const multi = { kind: "multi", sources: [discovery] };
    expect(codesOf(minimal({ discovery: multi, sni }))).toEqual([
      "/discovery/sources/0/backends/1/sni invalid-pattern",
    ]);
    const probe = { ...fullHealthchecks["probe"], recv: "*" };
    expect(codesOf(minimal({ healthcheck: probe }))).toEqual(["/healthcheck/recv invalid-pattern"]);
    const http = { kind: "http", bodyPattern: "a{1001}" };
    expect(codesOf(minimal({ healthcheck: http }))).toEqual([
      "/healthcheck/bodyPattern invalid-pattern",
    ]);
    stored(minimal({ discovery, sni: {} }));
  });

  test("a plaintext pattern needs the groups that make a backend", () => {
    const plaintext = { ...minimalDiscoveries["plaintext"], regexPattern: "(?P<host>\\S+)" };
    expect(problemsOf(minimal({ discovery: plaintext }))).toEqual([
      {
        pointer: "/discovery/regexPattern",
        code: "invalid-pattern",
        detail: expect.stringContaining("port"),
      },
    ]);
  });

  test("the patterns of many backends are bounded together, before any is compiled", () => {
    const backends = Array.from({ length: 500 }, (_, index) => ({
      host: "h",
      port: index + 1,
      sni: `^[a-z]{1,600}${index}$`,
    }));
    const sni = { hostnameMatchingStrategy: "regexp" };
    expect(codesOf(minimal({ discovery: { kind: "static", backends }, sni }))).toEqual([
      "/discovery out-of-range",
    ]);
  });

  test("F-ACL-05 an access rule with a wrong action, spacing or address is refused", () => {
    const rules = ["allow 10.0.0.0/8", "deny  10.0.0.1", "permit ::1", "deny 10.0.0.0/33"];
    expect(codesOf(minimal({ access: { rules } }))).toEqual([
      "/access/rules/1 invalid-line",
      "/access/rules/2 invalid-line",
      "/access/rules/3 invalid-line",
    ]);
  });

  test("a strategy's options are those of the strategy", () => {
    const strategyOptions = { weighted: true, hashClientPort: true, maxLoadPercent: 125 };
    expect(codesOf(minimal({ strategyOptions }))).toEqual([
      "/strategyOptions/weighted conflict",
      "/strategyOptions/hashClientPort conflict",
      "/strategyOptions/maxLoadPercent conflict",
    ]);
    expect(codesOf(minimal({ strategy: "iphash", strategyOptions }))).toEqual([
      "/strategyOptions/weighted conflict",
      "/strategyOptions/maxLoadPercent conflict",
    ]);
  });

  test("what one client may take has its bounds", () => {
    const perClient = {
      maxConnections: -1,
      newPerSecond: 1_000_001,
      ipv4Prefix: 33,
      ipv6Prefix: 0,
    };
    expect(codesOf(minimal({ limits: { perClient } }))).toEqual([
      "/limits/perClient/maxConnections out-of-range",
      "/limits/perClient/newPerSecond out-of-range",
      "/limits/perClient/ipv4Prefix out-of-range",
      "/limits/perClient/ipv6Prefix out-of-range",
    ]);
  });

  test("a balancer's own binds do not clash, and are not too many ports", () => {
    expect(codesOf(minimal({ bind: [":80", "127.0.0.1:80", "127.0.0.1:81", ":70-90"] }))).toEqual([
      "/bind/1 conflict",
      "/bind/3 conflict",
    ]);
    expect(codesOf(minimal({ bind: ["127.0.0.1:1-1000"] }))).toEqual([]);
    expect(codesOf(minimal({ bind: ["127.0.0.1:1-1000", "127.0.0.2:1"] }))).toEqual([
      "/bind out-of-range",
    ]);
  });
});
