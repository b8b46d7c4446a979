import { expect, test } from "vitest";

import { elect, refusalText, strategyNames } from "../../../node-agent/elect/elect.ts";
import { electionSources, electorContract } from "../../contracts/elector/elector-contract.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

for (const strategy of strategyNames) electorContract(strategy);

test("X-BAL-28 the texts tell no live backend from all at their limit", () => {
  expect(refusalText({ kind: "none-live" })).toBe("no live backend");
  expect(refusalText({ kind: "all-full" })).toBe("every live backend is at its connection limit");
});

test("the choice looks at the limit only of backends that have one", () => {
  const asked: string[] = [];
  const sources = {
    ...electionSources(),
    inUse: ({ name }: { name: string }) => asked.push(name),
  };
  const candidates = candidatesOf([backendOf("a:1"), backendOf("b:1", { maxConnections: 100 })]);
  elect({ strategy: "weight", candidates, tried: [], sources });
  expect(asked).toEqual(["b:1"]);
});
