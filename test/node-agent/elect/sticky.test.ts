import { expect, test } from "vitest";

import { strategyNames } from "../../../node-agent/elect/elect.ts";
import { slotKey } from "../../../node-agent/pool/pool-view.ts";
import { clientAt, electing, electionSources, plainTerms } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const candidates = candidatesOf(
  ["a:1", "b:1", "c:1"].map((name) => backendOf(name, { maxConnections: 5 })),
);
const [a, , c] = candidates.map(({ slot }) => slotKey(slot));

test("X-BAL-26 a remembered client goes to its backend, whatever the strategy says", () => {
  for (const strategy of strategyNames) {
    const sources = electionSources({ remembered: { find: () => c } });
    sources.connections.set(0, 0).set(1, 0).set(2, 4);
    const elector = electing({ terms: plainTerms(strategy), candidates, sources });
    expect(new Set(elector.names(20))).toEqual(new Set(["c:1"]));
  }
});

test("X-BAL-26 unless that is full, was tried, or is not there: then the strategy elects", () => {
  const sources = electionSources({ remembered: { find: () => a } });
  const terms = plainTerms("leastconn");
  const elector = electing({ terms, candidates, sources });
  expect(elector.name({ tried: ["a:1"] })).toMatch(/^[bc]:1$/);
  sources.connections.set(0, 5);
  expect(elector.name()).toMatch(/^[bc]:1$/);
  const others = candidates.filter(({ name }) => name !== "a:1");
  expect(electing({ terms, candidates: others, sources }).name()).toMatch(/^[bc]:1$/);
});

test("a backend of the same slot that came later is not the one that was remembered", () => {
  const before = slotKey({ index: 0, generation: 99 });
  const sources = electionSources({ remembered: { find: () => before } });
  sources.connections.set(0, 4);
  expect(electing({ terms: plainTerms("leastconn"), candidates, sources }).name()).not.toBe("a:1");
});

test("clients that are not remembered are elected for", () => {
  const sources = electionSources({ remembered: { find: () => undefined } });
  const elector = electing({ terms: plainTerms("roundrobin"), candidates, sources });
  expect(elector.names(3, clientAt)).toEqual(["a:1", "b:1", "c:1"]);
});
