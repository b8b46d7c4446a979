import { expect, test } from "vitest";

import { refusalText, strategyNames } from "../../../node-agent/elect/elect.ts";
import { electorContract } from "../../contracts/elector/elector-contract.ts";
import { electing, electionSources, plainTerms } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

for (const strategy of strategyNames) {
  electorContract(plainTerms(strategy));
  electorContract(plainTerms(strategy, { backupBelow: 3, slowStartMs: 60_000 }));
}
electorContract(plainTerms("roundrobin", { isWeighted: true }));
electorContract(plainTerms("leastconn", { isWeighted: true, slowStartMs: 60_000 }));
electorContract(plainTerms("iphash", { hashesPort: true }));
electorContract(plainTerms("iphash1", { hashesPort: true, maxLoadPercent: 125 }));

test("X-BAL-28 the texts tell no live backend from all at their limit", () => {
  expect(refusalText({ kind: "none-live" })).toBe("no live backend");
  expect(refusalText({ kind: "all-full" })).toBe("every live backend is at its connection limit");
});

test("the choice looks at the limit only of backends that have one", () => {
  const asked = new Set<number>();
  const sources = electionSources({
    inUse: (slot) => {
      asked.add(slot);
      return 100;
    },
  });
  const candidates = candidatesOf([backendOf("a:1"), backendOf("b:1", { maxConnections: 100 })]);
  expect(electing({ terms: plainTerms("weight"), candidates, sources }).name()).toBe("a:1");
  expect([...asked]).toEqual([1]);
});
