import { expect, test } from "vitest";

import { requiredCapabilities, unsupportedBy } from "#shared/definition/capability.ts";

import { stored } from "../validation/checking.ts";
import { fullBalancers, minimalBalancer } from "./full-definitions.ts";

test("a plain balancer needs the plainest things", () => {
  expect(requiredCapabilities(stored(minimalBalancer()))).toEqual([
    { capability: "protocol:tcp", pointer: "/protocol" },
    { capability: "strategy:weight", pointer: "/strategy" },
    { capability: "bind:address", pointer: "/bind/0" },
    { capability: "discovery:static", pointer: "/discovery/kind" },
    { capability: "healthcheck:ping", pointer: "/healthcheck/kind" },
  ]);
});

test("every section, option and kind of bind is needed by name, with its place", () => {
  const full = stored(fullBalancers.find(isMulti) ?? {});
  expect(requiredCapabilities(full)).toEqual([
    { capability: "protocol:tls", pointer: "/protocol" },
    { capability: "strategy:iphash1", pointer: "/strategy" },
    { capability: "strategy-option:hashClientPort", pointer: "/strategyOptions/hashClientPort" },
    { capability: "strategy-option:sticky", pointer: "/strategyOptions/sticky" },
    { capability: "strategy-option:maxLoadPercent", pointer: "/strategyOptions/maxLoadPercent" },
    { capability: "strategy-option:backupBelow", pointer: "/strategyOptions/backupBelow" },
    { capability: "strategy-option:slowStart", pointer: "/strategyOptions/slowStart" },
    { capability: "multi-bind", pointer: "/bind" },
    { capability: "bind:address", pointer: "/bind/0" },
    { capability: "bind:address", pointer: "/bind/1" },
    { capability: "bind:port-range", pointer: "/bind/1" },
    { capability: "bind:unix", pointer: "/bind/2" },
    { capability: "bind:interface", pointer: "/bind/3" },
    { capability: "discovery:multi", pointer: "/discovery/kind" },
    ...[
      "static",
      "srv",
      "docker",
      "json",
      "exec",
      "plaintext",
      "consul",
      "lxd",
      "etcd",
      "kubernetes",
      "ec2",
      "ecs",
      "cloudmap",
    ].flatMap((kind, index) => {
      const pointer = `/discovery/sources/${index}`;
      const option = {
        capability: "discovery-option:emptyAnswer",
        pointer: `${pointer}/emptyAnswer`,
      };
      return [
        { capability: `discovery:${kind}`, pointer: `${pointer}/kind` },
        ...(kind === "docker"
          ? [{ capability: "discovery-docker:auth", pointer: `${pointer}/auth` }]
          : []),
        ...(kind === "static" ? [] : [option]),
      ];
    }),
    { capability: "healthcheck:ping", pointer: "/healthcheck/kind" },
    { capability: "healthcheck-option:target", pointer: "/healthcheck/target" },
    {
      capability: "healthcheck-option:waitForFirstResult",
      pointer: "/healthcheck/waitForFirstResult",
    },
    {
      capability: "healthcheck-option:panicBelowPercent",
      pointer: "/healthcheck/panicBelowPercent",
    },
    { capability: "section:managedBackends", pointer: "/managedBackends" },
    { capability: "section:ejection", pointer: "/ejection" },
    { capability: "section:sni", pointer: "/sni" },
    { capability: "section:tls", pointer: "/tls" },
    { capability: "section:backendTls", pointer: "/backendTls" },
    { capability: "section:access", pointer: "/access" },
    { capability: "section:proxyProtocol", pointer: "/proxyProtocol" },
    { capability: "section:inboundProxyProtocol", pointer: "/inboundProxyProtocol" },
    { capability: "section:accessLog", pointer: "/accessLog" },
    { capability: "certificate:stored", pointer: "/tls/certificates/0" },
    { capability: "certificate:files", pointer: "/tls/certificates/1" },
    { capability: "certificate:acme", pointer: "/tls/certificates/2" },
    { capability: "idle:one-way", pointer: "/limits/idleMode" },
    { capability: "limits:per-client", pointer: "/limits/perClient" },
    { capability: "cut-on-backend-loss", pointer: "/cutOnBackendLoss" },
    { capability: "proxy-protocol:before-tls", pointer: "/proxyProtocol/beforeTls" },
  ]);
});

test("transparent UDP is a capability of its own", () => {
  const udp = stored(fullBalancers.at(-1) ?? {});
  expect(requiredCapabilities(udp)).toContainEqual({
    capability: "udp:transparent",
    pointer: "/udp/transparent",
  });
});

test("headers of a check that are sealed are needed by name; in plain text any agent takes them", () => {
  const needs = (value: unknown) =>
    requiredCapabilities(
      stored(minimalBalancer({ healthcheck: { kind: "http", headers: { "X-Key": value } } })),
    ).map(({ capability }) => capability);
  expect(needs({ secret: "sec_01hzy3v5n8w2k7q4m6r9t0a1b2" })).toContain(
    "healthcheck-headers:sealed",
  );
  expect(needs("plain")).not.toContain("healthcheck-headers:sealed");
});

test("what an agent lacks is refused by name; what it has beyond is no matter", () => {
  const able = new Set(["protocol:tcp", "strategy:weight", "bind:address", "flying"]);
  expect(unsupportedBy(stored(minimalBalancer()), able)).toEqual([
    { pointer: "/discovery/kind", code: "unsupported", detail: "needs discovery:static" },
    { pointer: "/healthcheck/kind", code: "unsupported", detail: "needs healthcheck:ping" },
  ]);
});

test("an agent with all of them is refused nothing", () => {
  for (const raw of fullBalancers) {
    const full = stored(raw);
    const able = new Set(requiredCapabilities(full).map(({ capability }) => capability));
    expect(unsupportedBy(full, able)).toEqual([]);
  }
});

function isMulti(raw: Record<string, unknown>): boolean {
  return JSON.stringify(raw["discovery"]).startsWith('{"kind":"multi"');
}

test("what an empty answer means is needed by name where it is written, and by an agent that lacks it refused with its place", () => {
  const plaintext = { kind: "plaintext", endpoint: "https://a.test/" };
  const told = { ...plaintext, emptyAnswer: "accept" };
  const able = new Set(
    requiredCapabilities(stored({ ...minimalBalancer(), discovery: plaintext })).map(
      ({ capability }) => capability,
    ),
  );
  expect(able).not.toContain("discovery-option:emptyAnswer");
  expect(unsupportedBy(stored({ ...minimalBalancer(), discovery: told }), able)).toEqual([
    {
      pointer: "/discovery/emptyAnswer",
      code: "unsupported",
      detail: "needs discovery-option:emptyAnswer",
    },
  ]);
});

test("a certificate of the control plane's that a source is to be shown is needed by name, with its place", () => {
  const tls = { clientCertificate: { certificate: "crt_01" } };
  const sources = [
    { kind: "plaintext", endpoint: "https://a.test/" },
    { kind: "consul", host: "a.test:8501", serviceName: "web", tls },
  ];
  const needs = (discovery: unknown) =>
    requiredCapabilities(stored({ ...minimalBalancer(), discovery })).filter(
      ({ capability }) => capability === "discovery-certificate:stored",
    );
  expect(needs({ kind: "multi", sources }).map(({ pointer }) => pointer)).toEqual([
    "/discovery/sources/1/tls/clientCertificate",
  ]);
  expect(needs(sources[1]).map(({ pointer }) => pointer)).toEqual([
    "/discovery/tls/clientCertificate",
  ]);
  expect(needs(sources[0])).toEqual([]);
});
