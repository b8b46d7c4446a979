import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { backendsPerBalancerMax } from "#shared/base/limits.ts";
import { parseBackendLine, parseBackendLines } from "#shared/definition/backend-line.ts";

const orders = ["strict", "any"] as const;
const plain = { weight: 1, priority: 1, maxConnections: 0, sni: "" };

describe.each(orders)("a backend line, order %s", (order) => {
  test("F-LINE-01 host:port has weight 1, priority 1, no limit and no sni", () => {
    expect(parseBackendLine("10.0.0.5:80", { order })).toEqual({
      ok: true,
      backend: { host: "10.0.0.5", port: 80, ...plain },
    });
  });

  test("F-LINE-02 a full line gives all four options in order", () => {
    const line = "db.internal:5432 weight=3 priority=2 max_connections=100 sni=a.example.com";
    expect(parseBackendLine(line, { order })).toEqual({
      ok: true,
      backend: {
        host: "db.internal",
        port: 5432,
        weight: 3,
        priority: 2,
        maxConnections: 100,
        sni: "a.example.com",
      },
    });
  });

  test("F-LINE-04 blanks around the line and a carriage return do not matter", () => {
    for (const line of ["  h:1", "h:1 \t", "h:1\r", " \th:1 \r\n"]) {
      expect(parseBackendLine(line, { order })).toEqual({
        ok: true,
        backend: { host: "h", port: 1, ...plain },
      });
    }
  });

  test("F-LINE-05 IPv6 stands in brackets, and is kept without them", () => {
    expect(parseBackendLine("[::1]:80", { order })).toEqual({
      ok: true,
      backend: { host: "::1", port: 80, ...plain },
    });
    expect(parseBackendLine("::1:80", { order })).toMatchObject({ ok: false, token: "::1:80" });
  });

  test.each([
    ["", ""],
    ["10.0.0.5", "10.0.0.5"],
    [":80", ":80"],
    ["h:0", "h:0"],
    ["h:65536", "h:65536"],
    ["h:http", "h:http"],
    ["10.0.0.256:80", "10.0.0.256:80"],
    ["h:1 weight=-1", "weight=-1"],
    ["h:1 weight=1.5", "weight=1.5"],
    ["h:1 weight=", "weight="],
    ["h:1 priority=99999999999", "priority=99999999999"],
    ["h:1 sni=", "sni="],
    ["h:1 wieght=3", "wieght=3"],
    ["h:1 weight=1 weight=2", "weight=2"],
    ["h:1 weight =3", "weight"],
  ])("names the bad token of %j", (line, token) => {
    expect(parseBackendLine(line, { order })).toEqual({
      ok: false,
      token,
      detail: expect.stringMatching(/./),
    });
  });

  test("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (line) => {
        expect(typeof parseBackendLine(line, { order }).ok).toBe("boolean");
      }),
    );
  });
});

describe("the order of the options", () => {
  const swapped = "h:1 priority=2 weight=3";

  test("F-LINE-06 options out of order are rejected in strict mode", () => {
    expect(parseBackendLine(swapped, { order: "strict" })).toMatchObject({
      ok: false,
      token: "weight=3",
    });
    expect(parseBackendLine("h:1  weight=3", { order: "strict" }).ok).toBe(false);
    expect(parseBackendLine("h:1 weight=3 sni=a", { order: "strict" }).ok).toBe(true);
  });

  test("X-LINE-07 the tolerant parser takes any order and repeated blanks, and names the bad token", () => {
    const line = "h:1 \t sni=a   max_connections=4  priority=2 \t\tweight=3";
    expect(parseBackendLine(line, { order: "any" })).toEqual({
      ok: true,
      backend: { host: "h", port: 1, weight: 3, priority: 2, maxConnections: 4, sni: "a" },
    });
    expect(parseBackendLine(`${line} colour=red`, { order: "any" })).toMatchObject({
      ok: false,
      token: "colour=red",
    });
  });
});

describe("parseBackendLines", () => {
  test("F-LINE-03 bad lines are skipped with a warning each, good ones are kept", () => {
    const { backends, problems } = parseBackendLines("a:1\n\nb\nc:3 weight=x\r\n  d:4 weight=2\n");
    expect(backends.map(({ host, port, weight }) => [host, port, weight])).toEqual([
      ["a", 1, 1],
      ["d", 4, 2],
    ]);
    expect(problems).toEqual([
      { pointer: "/2", code: "invalid-line", detail: '"b": write host:port' },
      {
        pointer: "/3",
        code: "invalid-line",
        detail: '"weight=x": needs a whole number from 0 to 1000000',
      },
    ]);
  });

  test("stops after as many backends as a balancer may have, and says where", () => {
    const lines = Array.from(
      { length: backendsPerBalancerMax + 2 },
      (_, index) => `h:${index + 1}`,
    );
    const { backends, problems } = parseBackendLines(lines.join("\n"));
    expect(backends).toHaveLength(backendsPerBalancerMax);
    expect(problems).toMatchObject([{ pointer: `/${backendsPerBalancerMax}`, code: "too-large" }]);
  });

  test("takes the strict grammar when asked", () => {
    expect(parseBackendLines("h:1 sni=a weight=3", { order: "strict" }).backends).toEqual([]);
  });
});
