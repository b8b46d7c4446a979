import { expect, test } from "vitest";

import type { ElectionSources } from "../../../node-agent/elect/election-sources.ts";
import { electing, electionSources, plainTerms } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

function turns(
  names: readonly string[],
  options: { count: number; sources: ElectionSources; tried?: readonly string[] },
): readonly string[] {
  const candidates = candidatesOf(names.map((name) => backendOf(name)));
  const { sources, tried = [] } = options;
  const elector = electing({ terms: plainTerms("roundrobin"), candidates, sources });
  return Array.from({ length: options.count }, () => elector.name({ tried }));
}

test("F-BAL-09 N backends: N elections reach each once, in host:port order, and repeat", () => {
  const names = ["b:80", "a:9", "a:10", "c:1"];
  const inOrder = ["a:10", "a:9", "b:80", "c:1"];
  expect(turns(names, { count: 12, sources: electionSources() })).toEqual([
    ...inOrder,
    ...inOrder,
    ...inOrder,
  ]);
});

test("F-BAL-10 adding and removing backends keeps the rotation going", () => {
  const sources = electionSources();
  expect(turns(["a:1", "b:1", "c:1"], { count: 2, sources })).toEqual(["a:1", "b:1"]);
  expect(turns(["a:1", "b:1", "c:1", "d:1"], { count: 3, sources })).toEqual(["c:1", "d:1", "a:1"]);
  expect(turns(["b:1"], { count: 2, sources })).toEqual(["b:1", "b:1"]);
  expect(turns([], { count: 1, sources })).toEqual(["none-live"]);
  const after = turns(["a:1", "b:1", "c:1"], { count: 6, sources });
  expect(after.toSorted()).toEqual(["a:1", "a:1", "b:1", "b:1", "c:1", "c:1"]);
});

test("a backend that was tried is passed over, and its turn goes to the next", () => {
  const sources = electionSources();
  expect(turns(["a:1", "b:1", "c:1"], { count: 4, sources, tried: ["b:1"] })).toEqual([
    "a:1",
    "c:1",
    "a:1",
    "c:1",
  ]);
});

test("a worker that loses the race for the cursor takes the place behind the winner's", () => {
  const sources = electionSources();
  let races = 0;
  const contended: ElectionSources = {
    ...sources,
    cursor: {
      read: () => sources.cursor.read(),
      move: (from, to) => {
        races += 1;
        // Another worker is faster, once.
        if (races === 1) sources.cursor.move(from, to);
        return sources.cursor.move(from, to);
      },
    },
  };
  expect(turns(["a:1", "b:1", "c:1"], { count: 2, sources: contended })).toEqual(["b:1", "c:1"]);
});

test("a cursor that can never be moved still elects somebody", () => {
  const sources = { ...electionSources(), cursor: { read: () => 1, move: () => false } };
  expect(turns(["a:1", "b:1"], { count: 1, sources })).toEqual(["b:1"]);
});
