import { describe, expect, test } from "vitest";

import type { BalancerInput } from "#shared/definition/balancer.ts";

import { minimalBalancer } from "../definition/full-definitions.ts";
import { minimalDiscoveries } from "../definition/full-discoveries.ts";
import { minimalHealthchecks } from "../definition/full-healthchecks.ts";
import { stored } from "./checking.ts";

/**
 * What is stored for the shortest definitions. Nodes compare hashes of it: when a test here fails,
 * the change would make every node of every tenant reload, so it has to be made another way (a new
 * field is optional and has no default).
 */
describe("the stored form stays the same", () => {
  const fetching = { failPolicy: "keeplast", interval: "10s" };
  const checking = {
    interval: "2s",
    timeout: "1s",
    fails: 2,
    passes: 1,
    initialStatus: "healthy",
  };
  const limits = {
    maxConnections: 0,
    clientIdleTimeout: "0",
    backendIdleTimeout: "0",
    backendConnectionTimeout: "5s",
    idleMode: "twoWay",
  };
  const whole = {
    schema: 1,
    name: "web",
    group: "default",
    bind: [":9000"],
    protocol: "tcp",
    strategy: "weight",
    discovery: { kind: "static", backends: [] },
    healthcheck: { kind: "ping", ...checking },
    limits,
    drainTimeout: "30s",
  };

  test("of a balancer that says no more than it must", () => {
    const shortest: BalancerInput = {
      name: "web",
      bind: [":9000"],
      discovery: { kind: "static", backends: [] },
    };
    expect(stored(shortest)).toStrictEqual(whole);
  });

  test("of a udp balancer", () => {
    expect(stored(minimalBalancer({ protocol: "udp", udp: { maxRequests: 1 } }))).toStrictEqual({
      ...whole,
      protocol: "udp",
      healthcheck: { kind: "none" },
      udp: { maxRequests: 1, maxResponses: 0, transparent: false },
    });
  });

  test.each([
    ["srv", { dnsProtocol: "udp", ...fetching, timeout: "5s" }],
    ["docker", { ...fetching, timeout: "5s" }],
    [
      "json",
      {
        hostPattern: "host",
        portPattern: "port",
        weightPattern: "weight",
        priorityPattern: "priority",
        sniPattern: "sni",
        maxConnectionsPattern: "max_connections",
        ...fetching,
        timeout: "5s",
      },
    ],
    ["exec", { ...fetching, timeout: "3s" }],
    ["plaintext", { ...fetching, timeout: "5s" }],
    ["consul", { servicePassingOnly: false, ...fetching, timeout: "2s" }],
    [
      "lxd",
      {
        serverRemoteName: "local",
        generateClientCerts: false,
        acceptServerCert: false,
        containerInterface: "eth0",
        containerAddressType: "IPv4",
        ...fetching,
        timeout: "5s",
      },
    ],
    ["etcd", { ...fetching, timeout: "2s" }],
    ["kubernetes", { ...fetching, timeout: "5s", namespace: "default" }],
    ["multi", {}],
  ])("of %s discovery", (kind, defaults) => {
    const discovery = minimalDiscoveries[kind];
    expect(stored(minimalBalancer({ discovery })).discovery).toStrictEqual({
      ...discovery,
      ...defaults,
    });
  });

  test.each([
    ["none", {}],
    ["ping", checking],
    ["probe", { strategy: "startsWith", recvLen: 0, ...checking }],
    ["exec", { expectedPositiveOutput: "", expectedNegativeOutput: "", ...checking }],
    [
      "http",
      { scheme: "http", method: "GET", path: "/", expectedStatuses: ["200-399"], ...checking },
    ],
  ])("of a %s check", (kind, defaults) => {
    const healthcheck = minimalHealthchecks[kind];
    expect(stored(minimalBalancer({ healthcheck })).healthcheck).toStrictEqual({
      ...healthcheck,
      ...defaults,
    });
  });

  test("of the other sections, written empty", () => {
    const sections = {
      protocol: "tls",
      sni: {},
      tls: { certificates: [{ certificate: "crt_01" }] },
      backendTls: {},
      access: {},
      limits: { perClient: {} },
      strategyOptions: {},
    };
    expect(stored(minimalBalancer(sections))).toStrictEqual({
      ...whole,
      protocol: "tls",
      sni: {
        hostnameMatchingStrategy: "exact",
        unexpectedHostnameStrategy: "default",
        readTimeout: "2s",
      },
      tls: {
        certificates: [{ certificate: "crt_01" }],
        minVersion: "tls1.2",
        sessionTickets: false,
      },
      backendTls: { ignoreVerify: false, minVersion: "tls1.2", sessionTickets: false },
      access: { default: "allow", rules: [] },
      limits: {
        ...whole.limits,
        perClient: { maxConnections: 0, newPerSecond: 0, ipv4Prefix: 32, ipv6Prefix: 64 },
      },
      strategyOptions: {},
    });
  });
});
