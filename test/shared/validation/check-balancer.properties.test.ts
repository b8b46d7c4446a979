import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { isDuration } from "#shared/base/duration.ts";
import { problemsPerCheckMax } from "#shared/base/limits.ts";
import { pointerOf } from "#shared/base/problem.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { fullBalancers, minimalBalancer } from "../definition/full-definitions.ts";
import { minimalDiscoveries } from "../definition/full-discoveries.ts";
import { minimalHealthchecks } from "../definition/full-healthchecks.ts";
import { anyDuration } from "../definition/full-parts.ts";
import { problemsOf, stored } from "./checking.ts";

type Path = readonly (string | number)[];

describe("durations", () => {
  const places = fullBalancers.flatMap((raw, index) =>
    pathsIn(raw)
      .filter((path) => valueAt(raw, path) === anyDuration)
      // The sections that all share are looked at once, the kinds' own in each definition.
      .filter(([section]) => index === 0 || section === "discovery" || section === "healthcheck")
      .map((path) => ({ raw, path, pointer: pointerOf(path) })),
  );

  test("the places are all there are: every kind's and every section's", () => {
    const keys = new Set(places.map(({ path }) => String(path.at(-1))));
    expect([...keys].toSorted()).toEqual([
      "backendConnectionTimeout",
      "backendIdleTimeout",
      "clientIdleTimeout",
      "drainTimeout",
      "expiry",
      "hold",
      "interval",
      "maxTime",
      "readTimeout",
      "slowStart",
      "time",
      "timeout",
    ]);
  });

  test("F-CFG-12 500ms, 2s, 1m, 1h30m and 0 are accepted everywhere a duration is expected", () => {
    for (const { raw, path, pointer } of places) {
      for (const text of ["500ms", "2s", "1m", "1h30m", "0"]) {
        const codes = problemsOf(changed(raw, path, text)).map(({ code }) => code);
        const isRefused = mustBeAboveZero(pointer, text) || mustBeASecond(pointer, text);
        expect({ pointer, text, codes }).toEqual({
          pointer,
          text,
          codes: isRefused ? ["out-of-range"] : [],
        });
      }
    }
  });

  test("X-CFG-36 an unparsable duration anywhere is a problem that names its key", () => {
    for (const { raw, path, pointer } of places) {
      for (const text of ["soon", "", "5", "-1s", "1 s", "1d", "NaN"]) {
        expect(isDuration(text)).toBe(false);
        expect(problemsOf(changed(raw, path, text))).toEqual([
          { pointer, code: "invalid-duration", detail: expect.stringContaining("duration") },
        ]);
      }
      for (const value of [5, null, true, {}, []]) {
        expect(problemsOf(changed(raw, path, value))).toMatchObject([
          { pointer, code: "invalid-type" },
        ]);
      }
    }
  });

  test("a duration that no timer can wait for is refused everywhere", () => {
    for (const { raw, path, pointer } of places) {
      expect(problemsOf(changed(raw, path, "577h"))).toMatchObject([
        { pointer, code: "out-of-range" },
      ]);
    }
  });

  /** An interval of 0 would mean a check without pause (F-CFG-24), a table that forgets at once. */
  function mustBeAboveZero(pointer: string, text: string): boolean {
    return text === "0" && /^\/healthcheck\/interval$|^\/ejection\/|\/expiry$/.test(pointer);
  }

  function mustBeASecond(pointer: string, text: string): boolean {
    return text === "500ms" && pointer.endsWith("/expiry");
  }
});

describe("required keys", () => {
  test("X-CFG-37 a discovery or health check without one of its required keys is refused", () => {
    for (const [section, kinds] of [
      ["discovery", minimalDiscoveries],
      ["healthcheck", minimalHealthchecks],
    ] as const) {
      for (const whole of Object.values(kinds)) {
        stored(minimalBalancer({ [section]: whole }));
        for (const key of Object.keys(whole)) {
          const part = Object.fromEntries(Object.entries(whole).filter(([name]) => name !== key));
          expect(problemsOf(minimalBalancer({ [section]: part }))).toMatchObject([
            { pointer: `/${section}/${key}`, code: "required" },
          ]);
        }
      }
    }
  });

  test("X-CFG-37 with any key taken away, a full definition is stored or refused with a reason", () => {
    for (const raw of fullBalancers) {
      stored(raw);
      for (const path of pathsIn(raw)) {
        const checked = checkBalancer(without(raw, path));
        const places = checked.ok ? [] : checked.problems.map(({ pointer }) => pointer);
        const around = places.filter((pointer) => sharesBranch(pointer, pointerOf(path)));
        expect(around).toEqual(places);
        expect(checked.ok || places.length > 0).toBe(true);
      }
    }
  });

  /** Whether a problem is at the change, above it, or in a section that depends on the change's. */
  function sharesBranch(pointer: string, change: string): boolean {
    const section = `/${change.split("/")[1]}`;
    const dependants: Readonly<Record<string, readonly string[]>> = {
      "/protocol": ["/tls", "/sni", "/backendTls", "/proxyProtocol", "/udp"],
      "/strategy": ["/strategyOptions"],
      "/limits": ["/udp"],
      "/sni": ["/discovery", "/proxyProtocol"],
      "/backendTls": ["/proxyProtocol"],
      "/proxyProtocol": ["/discovery"],
    };
    return [section, ...(dependants[section] ?? [])].some((one) => pointer.startsWith(one));
  }
});

describe("the stored form", () => {
  test("of the stored form is itself", () => {
    const minimals = [
      ...Object.values(minimalDiscoveries).map((discovery) => minimalBalancer({ discovery })),
      ...Object.values(minimalHealthchecks).map((healthcheck) => minimalBalancer({ healthcheck })),
      minimalBalancer({ protocol: "udp", udp: { maxRequests: 1 } }),
      minimalBalancer({ sni: {}, backendTls: {}, access: {} }),
    ];
    for (const raw of [...minimals, ...fullBalancers]) {
      const once = stored(raw);
      expect(JSON.stringify(stored(once))).toBe(JSON.stringify(once));
      expect(stored(JSON.parse(JSON.stringify(once)))).toStrictEqual(once);
    }
  });

  test("of a full definition is what was written", () => {
    for (const raw of fullBalancers) expect(stored(raw)).toEqual(raw);
  });

  test("shares nothing with what was given", () => {
    const raw = minimalBalancer({ access: { rules: ["deny ::1"] } });
    const before = structuredClone(raw);
    stored(raw).access?.rules.push("allow ::1");
    expect(raw).toEqual(before);
  });
});

describe("anything at all", () => {
  test("random JSON is answered, never thrown at", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (raw) => {
        expect(isAnswer(raw)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("what is no JSON is answered as well", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(anything, (raw) => {
        expect(isAnswer(raw)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("a definition with a random value in a random place is answered, and points into it", () => {
    const changes = fc
      .constantFrom(...fullBalancers)
      .chain((raw) =>
        fc.tuple(fc.constant(raw), fc.constantFrom(...pathsIn(raw)), fc.jsonValue({ maxDepth: 3 })),
      );
    fc.assert(
      fc.property(changes, ([raw, path, value]) => {
        expect(isAnswer(changed(raw, path, value))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  function isAnswer(raw: unknown): boolean {
    const checked = checkBalancer(raw);
    if (checked.ok) return JSON.stringify(stored(checked.value)) === JSON.stringify(checked.value);
    return (
      checked.problems.length > 0 &&
      checked.problems.length <= problemsPerCheckMax &&
      checked.problems.every(({ pointer, detail }) => /^(\/|$)/.test(pointer) && detail !== "")
    );
  }
});

/** Paths of every value inside, containers included. */
function pathsIn(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [at];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  const inside = entries.flatMap(([key, item]) => pathsIn(item, [...at, key]));
  return at.length === 0 ? inside : [at, ...inside];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value);
}

function changed(raw: unknown, path: Path, value: unknown): unknown {
  const copy = copyOf(raw);
  Reflect.set(Object(valueAt(copy, path.slice(0, -1))), path.at(-1) ?? "", value);
  return copy;
}

function without(raw: unknown, path: Path): unknown {
  const copy = copyOf(raw);
  const parent = valueAt(copy, path.slice(0, -1));
  const key = path.at(-1) ?? "";
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else if (typeof parent === "object" && parent !== null) Reflect.deleteProperty(parent, key);
  return copy;
}

/** The definitions share parts, and a structured clone would share them as well. */
function copyOf(raw: unknown): unknown {
  return JSON.parse(JSON.stringify(raw));
}
