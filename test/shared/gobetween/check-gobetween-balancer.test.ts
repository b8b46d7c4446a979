import { expect, test } from "vitest";

import { checkGobetweenBalancer } from "#shared/gobetween/check-gobetween-balancer.ts";

import { minimalBalancer } from "../definition/full-definitions.ts";

test("F-CFG-29 gobetween's PROXY setting takes version 1 only, and leaving the version out is refused", () => {
  const problemsOf = (proxyProtocol: object): readonly string[] => {
    const checked = checkGobetweenBalancer(minimalBalancer({ proxyProtocol }));
    return checked.ok ? [] : checked.problems.map(({ pointer, code }) => `${pointer} ${code}`);
  };
  expect(problemsOf({ version: "1" })).toEqual([]);
  expect(problemsOf({})).toEqual(["/proxyProtocol/version required"]);
  for (const version of ["2", "3", "", "v1", 1]) {
    expect(problemsOf({ version })).toEqual([expect.stringContaining("/proxyProtocol/version ")]);
  }
});
