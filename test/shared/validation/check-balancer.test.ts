import { describe, expect, test } from "vitest";

import { balancerBodyBytesMax, problemsPerCheckMax } from "#shared/base/limits.ts";

import { minimalBalancer as minimal } from "../definition/full-definitions.ts";
import { fullDiscoveries, minimalDiscoveries } from "../definition/full-discoveries.ts";
import { codesOf, problemsOf } from "./checking.ts";

const tls = { certificates: [{ files: { certPath: "/etc/web.pem", keyPath: "/etc/web.key" } }] };

describe("unknown keys", () => {
  test("each is one problem with its own path, and names what was probably meant", () => {
    const raw = minimal({
      max_connections: 5,
      limits: { maxConections: 5, colour: "red" },
      discovery: { ...minimalDiscoveries["consul"], serviceDatacenter: "eu" },
    });
    expect(problemsOf(raw)).toEqual([
      {
        pointer: "/discovery/serviceDatacenter",
        code: "unknown-key",
        detail: expect.stringContaining("did you mean datacenter?"),
      },
      {
        pointer: "/limits/maxConections",
        code: "unknown-key",
        detail: expect.stringContaining("did you mean maxConnections?"),
      },
      {
        pointer: "/limits/colour",
        code: "unknown-key",
        detail: expect.stringContaining("known are maxConnections, clientIdleTimeout"),
      },
      { pointer: "/max_connections", code: "unknown-key", detail: expect.any(String) },
    ]);
  });

  test("keys with slashes and tildes have escaped pointers", () => {
    expect(codesOf(minimal({ "a/b~c": 1 }))).toEqual(["/a~1b~0c unknown-key"]);
  });

  test("prototype keys are keys like any other, and reach no prototype", () => {
    const raw: unknown = JSON.parse(
      `{"name":"web","bind":[":1"],"discovery":{"kind":"static","backends":[{"host":"a","port":1,"__proto__":{"weight":9}}]},
        "__proto__":{"protocol":"udp"},"constructor":{"prototype":{}},"limits":{"__proto__":{"maxConnections":1}},
        "healthcheck":{"kind":"constructor"}}`,
    );
    expect(codesOf(raw)).toEqual([
      "/discovery/backends/0/__proto__ unknown-key",
      "/__proto__ unknown-key",
      "/limits/__proto__ unknown-key",
      "/healthcheck/kind unknown-kind",
      "/constructor unknown-key",
    ]);
    expect(Reflect.get({}, "protocol")).toBeUndefined();
    expect(Reflect.get({}, "weight")).toBeUndefined();
  });
});

describe("all problems at once", () => {
  test("an unknown kind is one problem, and hides no other section's", () => {
    const raw = minimal({
      bind: [":99999"],
      discovery: { kind: "oracle", anything: { goes: 1 } },
      healthcheck: { kind: "ping", fails: "many" },
      limits: { clientIdleTimeout: "soon" },
      colour: "red",
    });
    expect(codesOf(raw)).toEqual([
      "/bind/0 invalid-address",
      "/discovery/kind unknown-kind",
      "/healthcheck/fails invalid-type",
      "/limits/clientIdleTimeout invalid-duration",
      "/colour unknown-key",
    ]);
  });

  test("rules between sections speak although other sections are wrong", () => {
    const raw = minimal({
      protocol: "udp",
      bind: [":80", ":80"],
      discovery: { kind: "oracle" },
      healthcheck: { kind: "ping", interval: "soon" },
      backendTls: { minVersion: "ssl3" },
      drainTimeout: 5,
    });
    expect(codesOf(raw)).toEqual([
      "/discovery/kind unknown-kind",
      "/healthcheck/interval invalid-duration",
      "/backendTls/minVersion unknown-value",
      "/drainTimeout invalid-type",
      "/bind/1 conflict",
      "/backendTls conflict",
      "/healthcheck/kind conflict",
      "/udp required",
    ]);
  });

  test("a wrong section is not taken for its default", () => {
    expect(codesOf(minimal({ protocol: "sctp", tls, udp: {} }))).toEqual([
      "/protocol unknown-value",
    ]);
    expect(codesOf(minimal({ protocol: "udp", limits: { maxConnections: -1 } }))).toEqual([
      "/limits/maxConnections out-of-range",
    ]);
  });

  test("the list is bounded, and says how much it leaves out", () => {
    const many: Record<string, unknown> = {};
    for (let index = 0; index < problemsPerCheckMax + 5; index += 1) many[`k${index}`] = 1;
    const problems = problemsOf(minimal(many));
    expect(problems).toHaveLength(problemsPerCheckMax);
    expect(problems.at(-1)).toEqual({
      pointer: "",
      code: "too-many-problems",
      detail: "6 more problems are not listed",
    });
  });
});

describe("documents that are no balancer", () => {
  test.each([null, undefined, true, 5, "web", [], [minimal()]])(
    "%j is refused as a whole",
    (raw) => {
      expect(codesOf(raw)).toEqual([" invalid-type"]);
    },
  );

  test("what JSON cannot hold is refused where it stands", () => {
    const raw = minimal({ name: Number.NaN, limits: new Map(), bind: [":1", () => 1] });
    expect(codesOf(raw)).toEqual([
      "/name invalid-type",
      "/bind/1 invalid-type",
      "/limits invalid-type",
    ]);
  });

  test("texts that a database cannot store are refused", () => {
    const discovery = {
      ...fullDiscoveries["consul"],
      serviceTag: "a\u0000b",
      datacenter: "\ud800",
    };
    expect(codesOf(minimal({ discovery }))).toEqual([
      "/discovery/serviceTag invalid-format",
      "/discovery/datacenter invalid-format",
    ]);
  });

  test("depth is bounded", () => {
    let nested: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) nested = { x: nested };
    const problems = problemsOf(minimal({ limits: nested }));
    expect(problems[0]).toMatchObject({ code: "too-deep", pointer: `/limits${"/x".repeat(15)}` });
  });

  test("a cycle ends at the same bound", () => {
    const limits: Record<string, unknown> = {};
    limits["self"] = limits;
    expect(problemsOf(minimal({ limits }))[0]).toMatchObject({ code: "too-deep" });
  });

  test("size is bounded, in bytes and in values", () => {
    expect(codesOf(minimal({ colour: "x".repeat(balancerBodyBytesMax) }))).toEqual([" too-large"]);
    expect(codesOf(minimal({ colour: "é".repeat(balancerBodyBytesMax / 2) }))).toEqual([
      " too-large",
    ]);
    expect(codesOf(minimal({ bind: Array.from({ length: 200_000 }, () => 0) }))).toEqual([
      " too-large",
    ]);
  });

  test("the stored form is bounded as well: short lines become longer objects", () => {
    const sni = "x".repeat(200);
    const backends = Array.from({ length: 1_000 }, (_, index) => `h:${index + 1} sni=${sni}`);
    expect(JSON.stringify(backends).length).toBeLessThan(balancerBodyBytesMax);
    expect(codesOf(minimal({ discovery: { kind: "static", backends } }))).toEqual([" too-large"]);
  });
});
