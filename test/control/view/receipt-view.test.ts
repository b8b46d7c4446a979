import { describe, expect, test } from "vitest";

import { nodeRowsMax } from "#shared/base/limits.ts";

import { isSettled, receiptView, type ReceiptFacts } from "../../../control/view/receipt-view.ts";

const nowMs = 1_000_000;
const revision = { rev: 5, committedAtMs: nowMs - 10_000 };
const error = { id: "bal_x", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" };

/** A connected node that was not sent the revision yet. */
function node(facts: Partial<ReceiptFacts> = {}): ReceiptFacts {
  return {
    node: "nod_1",
    hostname: "host",
    group: "default",
    joinedAtMs: 0,
    connected: true,
    lastSeenAtMs: nowMs,
    phase: null,
    runningRev: 4,
    own: null,
    servedAtMs: null,
    ...facts,
  };
}

const none = { sentAtMs: null, storedAtMs: null, appliedAtMs: null, errors: [] };

function stateOf(facts: Partial<ReceiptFacts>): string | undefined {
  return receiptView([node(facts)], revision, nowMs).byNode[0]?.state;
}

describe("the state of a node", () => {
  test.for([
    ["waiting", {}],
    ["waiting", { own: none }],
    ["sent", { own: { ...none, sentAtMs: 1 } }],
    ["stored", { own: { ...none, sentAtMs: 1, storedAtMs: 2 } }],
    ["applied", { own: { ...none, storedAtMs: 2, appliedAtMs: 3 } }],
    ["serving", { servedAtMs: nowMs - 9_000 }],
    ["serving", { runningRev: 5 }],
    ["serving", { runningRev: 9, connected: false }],
    ["away", { connected: false }],
    ["away", { lastSeenAtMs: nowMs - 600_000 }],
    ["away", { connected: false, own: { ...none, sentAtMs: 1 } }],
    ["refused", { own: { ...none, sentAtMs: 1, errors: [error] }, phase: "refused" }],
    ["degraded", { own: { ...none, errors: [error] }, phase: "degraded", runningRev: 5 }],
    ["serving", { own: { ...none, errors: [error] }, phase: "serving", servedAtMs: nowMs }],
  ] as const)("is %s for %o", ([state, facts]) => {
    expect(stateOf(facts)).toBe(state);
  });
});

describe("times", () => {
  test("count from the commit, never below zero, and not for nodes that joined later", () => {
    const receipt = receiptView(
      [
        node({ node: "a", servedAtMs: revision.committedAtMs + 40 }),
        node({ node: "b", servedAtMs: revision.committedAtMs - 5 }),
        node({ node: "c", servedAtMs: nowMs, joinedAtMs: nowMs - 1 }),
        node({ node: "d" }),
      ],
      revision,
      nowMs,
    );
    expect(receipt.p50Ms).toBe(0);
    expect(receipt.p99Ms).toBe(40);
    const times = new Map(receipt.byNode.map((one) => [one.node, one.servingMs]));
    expect(times.get("c")).toBeNull();
  });
});

describe("the receipt", () => {
  test("is settled when no connected node is on its way; who is away is not waited for", () => {
    const settled = [node({ runningRev: 5 }), node({ connected: false })];
    expect(isSettled(receiptView(settled, revision, nowMs))).toBe(true);
    expect(isSettled(receiptView([...settled, node()], revision, nowMs))).toBe(false);
  });

  test("lists stragglers first, with a reason each, and says how many it leaves out", () => {
    const serving = Array.from({ length: nodeRowsMax }, (_, index) =>
      node({ node: `s${index}`, runningRev: 5 }),
    );
    const receipt = receiptView([...serving, node({ node: "late" })], revision, nowMs);
    expect(receipt.nodes).toEqual({
      expected: nodeRowsMax + 1,
      serving: nodeRowsMax,
      failed: 0,
      waiting: 1,
      away: 0,
    });
    expect(receipt.byNode).toHaveLength(nodeRowsMax);
    expect(receipt.byNode[0]?.node).toBe("late");
    expect(receipt.omitted).toBe(1);
    expect(receipt.stragglers).toEqual([
      { node: "late", hostname: "host", state: "waiting", reason: "was not sent it yet" },
    ]);
  });
});
