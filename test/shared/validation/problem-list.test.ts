import { performance } from "node:perf_hooks";

import { describe, expect, test } from "vitest";

import {
  balancerBodyBytesMax,
  definitionKeyCharsMax,
  problemDetailCharsMax,
  problemPointerCharsMax,
  problemsBytesMax,
  problemsPerCheckMax,
} from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";
import { boundedProblems, ProblemList } from "#shared/validation/problem-list.ts";

import { simpleBalancer } from "../../support/definitions.ts";
import { problemsOf } from "./checking.ts";

/** Bodies of the largest size that is read, each made to be answered with as much as can be. */
const hostile: Readonly<Record<string, string>> = {
  "a long key above many wrong values": `{"${"~".repeat(240 * 1024)}":${list(1_500, '"\\u0000"')}}`,
  "long keys in each other above many wrong values": nested(
    "~".repeat(definitionKeyCharsMax),
    list(25_000, '"\\u0000"'),
  ),
  "many wrong backends": `{"discovery":{"kind":"static","backends":${list(80_000, "{}")}}}`,
  "many unknown keys": `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`).join()}}`,
  "unknown keys as long as they may be": `{${Array.from({ length: 900 }, (_, index) => `"${"/".repeat(250)}${index}":1`).join()}}`,
};

function list(length: number, item: string): string {
  return `[${Array.from({ length }, () => item).join()}]`;
}

function nested(key: string, inner: string): string {
  return Array.from({ length: 14 }).reduce<string>((text) => `{"${key}":${text}}`, inner);
}

function bytesOf(problems: readonly Problem[]): number {
  return Buffer.byteLength(JSON.stringify(problems));
}

/** The least of several runs: other work on the machine only adds to it. */
function leastMs(run: () => void): number {
  const times = Array.from({ length: 4 }, () => {
    const startMs = performance.now();
    run();
    return performance.now() - startMs;
  });
  return Math.min(...times);
}

describe("a body that is made to be expensive", () => {
  test.each(Object.entries(hostile))("%s: the list of problems is bounded", (_, text) => {
    expect(text.length).toBeLessThanOrEqual(balancerBodyBytesMax);
    const problems = problemsOf(JSON.parse(text));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(problemsPerCheckMax);
    expect(bytesOf(problems)).toBeLessThanOrEqual(problemsBytesMax + 2);
    for (const { pointer } of problems) {
      expect(pointer.length).toBeLessThanOrEqual(problemPointerCharsMax);
    }
  });

  test.each(Object.entries(hostile))(
    "%s: costs no more than a few times what reading an ordinary body of the size costs",
    (_, text) => {
      const ordinary = JSON.stringify(ordinaryBody());
      expect(ordinary.length).toBeGreaterThan(200 * 1024);
      problemsOf(JSON.parse(ordinary));
      const ordinaryMs = leastMs(() => problemsOf(JSON.parse(ordinary)));
      const hostileMs = leastMs(() => problemsOf(JSON.parse(text)));
      expect(hostileMs / ordinaryMs).toBeLessThan(25);
    },
  );

  test("an over-long key is one problem, and hides no other", () => {
    const key = "~".repeat(definitionKeyCharsMax + 1);
    const raw = { ...simpleBalancer("a"), bind: undefined, [key]: { a: "\u0000" } };
    expect(problemsOf(raw).map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      ` too-large`,
      "/bind required",
    ]);
    const [problem] = problemsOf(raw);
    expect(problem?.detail).toContain("has 256 characters: at most 255");
    const longest = { ...simpleBalancer("a"), ["k".repeat(definitionKeyCharsMax)]: 1 };
    expect(problemsOf(longest)).toMatchObject([{ code: "unknown-key" }]);
  });
});

describe("a list of problems", () => {
  test("cuts a pointer between two keys, and says so", () => {
    const problems = new ProblemList();
    const wrong = () => ({ code: "required", detail: "is missing" }) as const;
    problems.add({ path: ["a", "/".repeat(200), "b".repeat(200), 7], wrong });
    expect(problems.problems()).toEqual([
      {
        pointer: `/a/${"~1".repeat(200)}`,
        code: "required",
        detail: "is missing (further inside: the pointer is cut)",
      },
    ]);
  });

  test("cuts a detail", () => {
    const problem = { pointer: "/a", code: "conflict", detail: "x".repeat(100_000) };
    const [cut] = boundedProblems([problem]);
    expect(cut?.detail).toHaveLength(problemDetailCharsMax);
  });

  test("makes no text of what it does not list, and counts it", () => {
    const problems = new ProblemList();
    let made = 0;
    for (let index = 0; index < 50_000; index += 1) {
      problems.add({
        path: [index],
        wrong: () => {
          made += 1;
          return { code: "required", detail: "is missing" };
        },
      });
    }
    expect(made).toBeLessThanOrEqual(problemsPerCheckMax + 1);
    expect(problems.problems()).toHaveLength(problemsPerCheckMax);
    expect(problems.problems().at(-1)?.detail).toBe("49001 more problems are not listed");
  });

  test("that is bounded stays as it is", () => {
    const detail = "\u0001".repeat(900);
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      ...{ pointer: `/${index}`, code: "conflict", detail },
    }));
    const bounded = boundedProblems(many);
    expect(bytesOf(bounded)).toBeLessThanOrEqual(problemsBytesMax + 2);
    expect(bounded.at(-1)?.detail).toBe(`${2_001 - bounded.length} more problems are not listed`);
    expect(boundedProblems(bounded)).toEqual(bounded);
  });
});

/** A right definition, nearly as large as one may be. */
function ordinaryBody(): unknown {
  const backends = Array.from({ length: 1_000 }, (_, index) => ({
    host: `${String(index).padStart(4, "0")}.${"long-name.".repeat(15)}example.org`,
    ...{ port: 80 + index, weight: index + 1, priority: 1, maxConnections: 100 },
  }));
  return { ...simpleBalancer("ordinary"), discovery: { kind: "static", backends } };
}
