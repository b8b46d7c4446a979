import { describe, expect, test } from "vitest";

import { backendsPerBalancerMax } from "#shared/base/limits.ts";

import { minimalBalancer as minimal } from "../definition/full-definitions.ts";
import { minimalDiscoveries } from "../definition/full-discoveries.ts";
import { minimalHealthchecks } from "../definition/full-healthchecks.ts";
import { codesOf, stored } from "./checking.ts";

describe("discovery", () => {
  test("what a managed backend refines has to be there, as with a listed one", () => {
    const refining = { host: "10.0.0.7", port: 80, alpn: ["h2"], proxyProtocol: false };
    const given = (more: object): unknown => minimal({ managedBackends: [refining], ...more });
    expect(codesOf(given({}))).toEqual([
      "/managedBackends/0/alpn conflict",
      "/managedBackends/0/proxyProtocol conflict",
    ]);
    const whole = stored(given({ sni: {}, proxyProtocol: { version: "1" } }));
    expect(whole.managedBackends).toEqual([refining]);
  });

  test("F-CFG-22 only keeplast and setempty are fail policies; keeplast is the default", () => {
    const withPolicy = (failPolicy?: string): unknown =>
      minimal({ discovery: { ...minimalDiscoveries["json"], failPolicy } });
    expect(stored(withPolicy()).discovery).toMatchObject({ failPolicy: "keeplast" });
    expect(stored(withPolicy("setempty")).discovery).toMatchObject({ failPolicy: "setempty" });
    expect(codesOf(withPolicy("ignore"))).toEqual(["/discovery/failPolicy unknown-value"]);
  });

  test("F-CFG-31 the DNS protocol is udp unless given, and only udp or tcp", () => {
    const withProtocol = (dnsProtocol?: string): unknown =>
      minimal({ discovery: { ...minimalDiscoveries["srv"], dnsProtocol } });
    expect(stored(withProtocol()).discovery).toMatchObject({ dnsProtocol: "udp" });
    expect(stored(withProtocol("tcp")).discovery).toMatchObject({ dnsProtocol: "tcp" });
    expect(codesOf(withProtocol("tls"))).toEqual(["/discovery/dnsProtocol unknown-value"]);
  });

  test("F-CFG-32 lxd needs an https or unix address, has defaults, and checks the address type", () => {
    const withLxd = (more: object): unknown =>
      minimal({ discovery: { ...minimalDiscoveries["lxd"], ...more } });
    expect(stored(withLxd({})).discovery).toMatchObject({
      serverRemoteName: "local",
      containerInterface: "eth0",
      containerAddressType: "IPv4",
    });
    stored(withLxd({ serverAddress: "https://10.0.0.9:8443", containerAddressType: "IPv6" }));
    expect(codesOf(withLxd({ serverAddress: undefined }))).toEqual([
      "/discovery/serverAddress required",
    ]);
    expect(codesOf(withLxd({ serverAddress: "http://10.0.0.9" }))).toEqual([
      "/discovery/serverAddress invalid-format",
    ]);
    expect(codesOf(withLxd({ containerAddressType: "ipv4" }))).toEqual([
      "/discovery/containerAddressType unknown-value",
    ]);
    expect(codesOf(withLxd({ containerPort: undefined }))).toEqual([
      "/discovery/containerPort required",
    ]);
    stored(withLxd({ containerPort: undefined, containerPortKey: "user.port" }));
  });

  // The half of X-CFG-40 that a definition decides; that the agent keeps to it is shown there.
  test("an omitted discovery timeout is stored as the documented default of its kind", () => {
    const timeouts = {
      consul: "2s",
      exec: "3s",
      srv: "5s",
      docker: "5s",
      json: "5s",
      plaintext: "5s",
      lxd: "5s",
    };
    for (const [kind, timeout] of Object.entries(timeouts)) {
      expect(stored(minimal({ discovery: minimalDiscoveries[kind] })).discovery).toMatchObject({
        timeout,
      });
    }
  });

  test("backends are objects or lines, and stored as objects", () => {
    const backends = [{ host: "10.0.0.5", port: 80 }, "10.0.0.6:81 weight=3"];
    expect(stored(minimal({ discovery: { kind: "static", backends } })).discovery).toEqual({
      kind: "static",
      backends: [
        { host: "10.0.0.5", port: 80, weight: 1, priority: 1, maxConnections: 0, sni: "" },
        { host: "10.0.0.6", port: 81, weight: 3, priority: 1, maxConnections: 0, sni: "" },
      ],
    });
  });

  test("each wrong backend is a problem with its place", () => {
    const backends = [
      "10.0.0.5:80 wieght=3",
      { host: "10.0.0.256", port: 65_536, wieght: 1 },
      { host: "[::1]", port: 80 },
      7,
      { port: 80 },
    ];
    expect(codesOf(minimal({ discovery: { kind: "static", backends } }))).toEqual([
      "/discovery/backends/0 invalid-line",
      "/discovery/backends/1/host invalid-address",
      "/discovery/backends/1/port out-of-range",
      "/discovery/backends/1/wieght unknown-key",
      "/discovery/backends/2/host invalid-address",
      "/discovery/backends/3 invalid-type",
      "/discovery/backends/4/host required",
    ]);
  });

  test("a balancer lists at most so many backends, over all its sources", () => {
    const backends = Array.from({ length: backendsPerBalancerMax }, (_, index) => `h:${index + 1}`);
    stored(minimal({ discovery: { kind: "static", backends } }));
    expect(
      codesOf(minimal({ discovery: { kind: "static", backends: [...backends, "h:1"] } })),
    ).toEqual(["/discovery/backends out-of-range"]);
    const sources = [
      { kind: "static", backends },
      { kind: "static", backends: ["h:1"] },
    ];
    expect(codesOf(minimal({ discovery: { kind: "multi", sources } }))).toEqual([
      "/discovery out-of-range",
    ]);
  });

  test("sources are merged one level deep", () => {
    const sources = [minimalDiscoveries["multi"]];
    expect(codesOf(minimal({ discovery: { kind: "multi", sources } }))).toEqual([
      "/discovery/sources/0/kind unknown-kind",
    ]);
  });
});

describe("health checks", () => {
  test("an unknown kind of health check is refused, a missing kind as well", () => {
    expect(codesOf(minimal({ healthcheck: { kind: "telepathy", mood: 1 } }))).toEqual([
      "/healthcheck/kind unknown-kind",
    ]);
    expect(codesOf(minimal({ healthcheck: {} }))).toEqual(["/healthcheck/kind required"]);
  });

  test("F-CFG-24 every kind but none needs an interval that parses and is above 0", () => {
    for (const [kind, check] of Object.entries(minimalHealthchecks)) {
      if (kind === "none") continue;
      stored(minimal({ healthcheck: { ...check, interval: "10ms" } }));
      for (const interval of ["0", "0s"]) {
        expect(codesOf(minimal({ healthcheck: { ...check, interval } }))).toEqual([
          "/healthcheck/interval out-of-range",
        ]);
      }
      for (const interval of ["soon", "-1s", "5"]) {
        expect(codesOf(minimal({ healthcheck: { ...check, interval } }))).toEqual([
          "/healthcheck/interval invalid-duration",
        ]);
      }
    }
    stored(minimal({ healthcheck: { kind: "none" } }));
  });

  test("a check's target names a host, a port, or both", () => {
    const withTarget = (target: object): unknown =>
      minimal({ healthcheck: { kind: "ping", target } });
    for (const target of [{ host: "10.0.0.9" }, { port: 81 }, { host: "::1", port: 81 }]) {
      expect(stored(withTarget(target)).healthcheck).toMatchObject({ target });
    }
    expect(codesOf(withTarget({}))).toEqual(["/healthcheck/target required"]);
    expect(codesOf(withTarget({ port: 0 }))).toEqual(["/healthcheck/target/port out-of-range"]);
  });

  test("tls is for checks over TLS", () => {
    const tls = { ignoreVerify: true };
    const probe = minimalHealthchecks["probe"];
    stored(minimal({ healthcheck: { kind: "http", scheme: "https", tls } }));
    stored(minimal({ healthcheck: { ...probe, protocol: "tls", tls } }));
    for (const check of [
      { kind: "http", tls },
      { ...probe, tls },
    ]) {
      expect(codesOf(minimal({ healthcheck: check }))).toEqual(["/healthcheck/tls conflict"]);
    }
  });

  test("ejection has its own defaults, and exists only where it is asked for", () => {
    expect(stored(minimal()).ejection).toBeUndefined();
    const asked = { failures: 5, time: "10s", maxTime: "5m" };
    expect(stored(minimal({ ejection: {} })).ejection).toEqual(asked);
    expect(codesOf(minimal({ ejection: { failures: 0, time: "0" } }))).toEqual([
      "/ejection/failures out-of-range",
      "/ejection/time out-of-range",
    ]);
  });

  test("F-CFG-26 the initial status is healthy or unhealthy", () => {
    for (const initialStatus of ["healthy", "unhealthy"]) {
      const healthcheck = { kind: "ping", initialStatus };
      expect(stored(minimal({ healthcheck })).healthcheck).toMatchObject({ initialStatus });
    }
    expect(codesOf(minimal({ healthcheck: { kind: "ping", initialStatus: "unknown" } }))).toEqual([
      "/healthcheck/initialStatus unknown-value",
    ]);
  });

  test("F-CFG-27 a probe has a protocol, send and recv, a strategy, and a recvLen that fits it", () => {
    const probe = minimalHealthchecks["probe"];
    const withProbe = (more: object): unknown => minimal({ healthcheck: { ...probe, ...more } });
    for (const key of ["protocol", "send", "recv"]) {
      expect(codesOf(withProbe({ [key]: undefined }))).toEqual([`/healthcheck/${key} required`]);
    }
    for (const protocol of ["tcp", "udp", "tls"]) stored(withProbe({ protocol }));
    expect(codesOf(withProbe({ protocol: "http" }))).toEqual([
      "/healthcheck/protocol unknown-value",
    ]);
    expect(codesOf(withProbe({ strategy: "equals" }))).toEqual([
      "/healthcheck/strategy unknown-value",
    ]);
    for (const recvLen of [0, -1]) stored(withProbe({ recvLen }));
    expect(codesOf(withProbe({ recvLen: 4 }))).toEqual(["/healthcheck/recvLen conflict"]);
    const regexp = { strategy: "regexp", recv: "^PONG", recvLen: 4 };
    stored(withProbe(regexp));
    for (const recvLen of [undefined, 0, -4]) {
      expect(codesOf(withProbe({ ...regexp, recvLen }))).toEqual(["/healthcheck/recvLen required"]);
    }
    expect(codesOf(withProbe({ send: "\\q" }))).toEqual(["/healthcheck/send invalid-format"]);
    expect(codesOf(withProbe({ recv: "\\xz" }))).toEqual(["/healthcheck/recv invalid-format"]);
    expect(codesOf(withProbe({ ...regexp, recv: "(" }))).toEqual([
      "/healthcheck/recv invalid-pattern",
    ]);
  });

  test("none takes no settings that would mean nothing", () => {
    expect(codesOf(minimal({ healthcheck: { kind: "none", interval: "1s" } }))).toEqual([
      "/healthcheck/interval unknown-key",
    ]);
  });
});
