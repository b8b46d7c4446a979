import { expect, test } from "vitest";

import type { PlanFinding, PlanResult } from "#shared/wire/plan.ts";

import { nodePlans } from "../../../control/view/plan-view.ts";
import { anyId } from "../../support/tenant-rows.ts";

function finding(state: PlanFinding["state"]): PlanFinding {
  return { state, problems: [], unlisted: 0 };
}

function result(over: Partial<PlanResult["aspects"]> = {}): PlanResult {
  const yes = finding("yes");
  return {
    aspects: {
      supported: yes,
      permitted: yes,
      bindable: yes,
      discoverable: yes,
      resolvable: yes,
      dialable: yes,
      ...over,
    },
    backends: { found: 1, tried: 1, reachable: 1 },
  };
}

function node(connected = true) {
  return { id: anyId("nod"), hostname: "host", connected, able: true };
}

test("a node fits when all is fine, does not when something is not, and else it is not known", () => {
  const nodes = [node(), node(), node()];
  const results = [
    result(),
    result({ bindable: finding("no"), dialable: finding("unknown") }),
    result({ dialable: finding("unknown") }),
  ];
  const answers = nodes.map(({ id }, index) => ({
    nodeId: id,
    code: "done",
    result: results[index],
  }));
  const plans = nodePlans(nodes, answers);
  expect(plans.map(({ state, fits }) => [state, fits])).toEqual([
    ["answered", true],
    ["answered", false],
    ["answered", null],
  ]);
  expect(plans.map((plan) => plan.node)).toEqual(nodes.map(({ id }) => id));
});

test("every node that says nothing is named, with why", () => {
  const nodes = [node(false), node(), node(), node(), node(), node(), node()];
  const codes = [undefined, null, "busy", "unsupported", "bad-signature", "done"];
  const answers = nodes.flatMap(({ id }, index) => {
    const code = codes[index];
    return code === undefined ? [] : [{ nodeId: id, code, result: { odd: true } }];
  });
  const plans = nodePlans(nodes, answers);
  expect(plans.map(({ state }) => state)).toEqual([
    "away",
    "silent",
    "busy",
    "unsupported",
    "failed",
    "failed",
    "silent",
  ]);
  for (const plan of plans) expect(plan).toMatchObject({ fits: null, aspects: null });
});
