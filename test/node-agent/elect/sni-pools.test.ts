import { describe, expect, test } from "vitest";

import { sniNamesKept } from "#shared/base/limits.ts";
import type { Backend } from "#shared/definition/backend.ts";

import { PatternShelf } from "../../../node-agent/elect/pattern-shelf.ts";
import { SniPools, type SniTerms } from "../../../node-agent/elect/sni-pools.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const regexp: SniTerms = { matching: "regexp", unexpected: "default" };
const exact: SniTerms = { matching: "exact", unexpected: "default" };

/** Backends 10.0.0.1, 10.0.0.2 … that differ in these fields. */
function poolsOf(terms: SniTerms, backends: readonly Partial<Backend>[]): SniPools {
  const candidates = candidatesOf(
    backends.map((given, index) => backendOf(`10.0.0.${index + 1}:443`, given)),
  );
  return new SniPools({ terms, candidates, patterns: new PatternShelf() });
}

/** The last digits of those who serve the name. */
function served(pools: SniPools, name: string, protocols: readonly string[] = []): string {
  const pool = pools.poolOf({ name, protocols });
  return (pool ?? []).map(({ host }) => host.slice("10.0.0.".length)).join(" ");
}

describe("by patterns", () => {
  test("a name is served by all whose pattern is found in it, in its own letters", () => {
    const pools = poolsOf(regexp, [{ sni: "^a" }, { sni: "test$" }, { sni: "" }, { sni: "x*" }]);
    expect(served(pools, "a.test")).toBe("1 2 4");
    expect(served(pools, "A.test")).toBe("2 4");
    expect(served(pools, "b.other")).toBe("4");
    // No name: those without, and patterns that find nothing in nothing.
    expect(served(pools, "")).toBe("3 4");
  });

  test("F-SNI-12 a backend whose pattern cannot be used is left out, and told of", () => {
    const pools = poolsOf(regexp, [{ sni: "(" }, { sni: "^a" }, { sni: "a{1000}{1000}" }]);
    expect(served(pools, "a.test")).toBe("2");
    expect(pools.skipped.map(({ backend }) => backend)).toEqual(["10.0.0.1:443", "10.0.0.3:443"]);
  });

  test("whoever gets the same backends gets the same pool", () => {
    const pools = poolsOf(regexp, [{ sni: "^a" }, { sni: "^b" }]);
    const of = (name: string): unknown => pools.poolOf({ name, protocols: [] });
    expect(of("a.test")).toBe(of("a.other"));
    expect(of("a.test")).not.toBe(of("b.test"));
    for (let name = 0; name < 2 * sniNamesKept; name += 1) of(`a${name}.test`);
    expect(served(pools, "a.test")).toBe("1");
    expect(served(pools, "c.test")).toBe("");
  });

  test("X-SNI-18 no pattern and no name makes matching take more than time linear in the name", () => {
    // Backtracking would need 2^200 steps.
    const pools = poolsOf(regexp, [{ sni: "^(a+)+$" }, { sni: "^(a|a)*b$" }, { sni: "(.*)*c" }]);
    expect(served(pools, `${"a".repeat(200)}!`)).toBe("");
    expect(served(pools, `${"a".repeat(200)}b`)).toBe("2");
  });

  test("X-SNI-18 a pattern is compiled once, as long as some backend has it", () => {
    const shelf = new PatternShelf();
    const first = shelf.compile(new Set(["^a", "^b", "("]));
    const second = shelf.compile(new Set(["^b", "(", "^c"]));
    for (const text of ["^b", "("]) expect(second.get(text)).toBe(first.get(text));
    expect(shelf.compile(new Set(["^a"])).get("^a")).not.toBe(first.get("^a"));
  });

  test("patterns that cost too much together are left out from where they do", () => {
    const costly = Array.from({ length: 30 }, (_, index) => ({ sni: `^[a-z]{1,900}x${index}` }));
    const pools = poolsOf(regexp, [{ sni: "^a" }, ...costly]);
    expect(served(pools, "a.test")).toBe("1");
    expect(pools.skipped.length).toBeGreaterThan(0);
    expect(pools.skipped.length).toBeLessThan(costly.length);
  });
});

describe("by names", () => {
  test("what nobody serves is for those without a name, for nobody, or for all", () => {
    const backends = [{ sni: "a.test" }, { sni: "" }];
    expect(served(poolsOf(exact, backends), "c.test")).toBe("2");
    expect(served(poolsOf({ ...exact, unexpected: "reject" }, backends), "c.test")).toBe("");
    expect(served(poolsOf({ ...exact, unexpected: "any" }, backends), "c.test")).toBe("1 2");
    // A pattern is a name here, and an odd one.
    expect(served(poolsOf(exact, [{ sni: ".*" }]), "c.test")).toBe("");
    expect(poolsOf(exact, []).poolOf({ name: "a.test", protocols: [] })).toEqual([]);
  });

  test("X-SNI-19 the client's first protocol that some backend is for decides", () => {
    const pools = poolsOf(exact, [
      { sni: "a.test", alpn: ["h2", "http/1.1"] },
      { sni: "A.test", alpn: ["h2"] },
      { sni: "a.test" },
      { alpn: ["h2"] },
    ]);
    expect(served(pools, "a.test", ["h2", "http/1.1"])).toBe("1 2");
    expect(served(pools, "a.test", ["http/1.1", "h2"])).toBe("1");
    expect(served(pools, "a.test", ["h3"])).toBe("3");
    expect(served(pools, "a.test")).toBe("3");
    expect(served(pools, "c.test", ["h2"])).toBe("4");
    expect(served(pools, "c.test", ["h3"])).toBe("");
  });
});
