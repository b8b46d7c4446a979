import { expect, test } from "vitest";

import { nodeView, type NodeFacts, type NodeStatusFacts } from "../../../control/view/node-view.ts";

const nowMs = Date.UTC(2030, 0, 1);
const version = (rev: number) => ({ epoch: 1, rev, root: String(rev).padStart(64, "0") });

function node(status: Partial<NodeStatusFacts> = {}, facts: Partial<NodeFacts> = {}): NodeFacts {
  return {
    id: "nod_1",
    group: "default",
    hostname: "host",
    agent: "midstream/0.1.0",
    os: "linux",
    capabilities: [],
    labels: {},
    joinedAtMs: 0,
    retiredAtMs: null,
    status: {
      connected: true,
      desired: version(5),
      running: version(5),
      phase: "serving",
      failing: 0,
      errors: [],
      durable: true,
      connections: 3,
      lastSeenAtMs: nowMs - 1_000,
      ...status,
    },
    ...facts,
  };
}

test.for([
  ["serving", node()],
  ["new", node({ connected: false, lastSeenAtMs: null })],
  ["updating", node({ running: version(4) })],
  ["updating", node({ running: null })],
  ["updating", node({ running: { ...version(5), root: "f".repeat(64) } })],
  ["serving", node({ desired: null })],
  ["degraded", node({ phase: "degraded" })],
  ["degraded", node({ failing: 1 })],
  ["refused", node({ phase: "refused", failing: 1 })],
  ["away", node({ connected: false })],
  ["away", node({ lastSeenAtMs: nowMs - 90_000 })],
  ["away", node({ connected: false, phase: "refused" })],
  ["retired", node({}, { retiredAtMs: nowMs - 1 })],
  ["retired", node({ connected: false, lastSeenAtMs: null }, { retiredAtMs: nowMs - 1 })],
] as const)("a node is %s", ([state, facts]) => {
  expect(nodeView(facts, nowMs).state).toBe(state);
});

test("who is not heard has no connections that anybody could know of", () => {
  expect(nodeView(node(), nowMs).connections).toBe(3);
  expect(nodeView(node({ connected: false }), nowMs).connections).toBe(0);
});

test("the last error is the newest one", () => {
  const errors = ["one", "two"].map((code) => ({ id: null, pointer: "", code, detail: "" }));
  expect(nodeView(node({ errors }), nowMs).lastError?.code).toBe("two");
  expect(nodeView(node(), nowMs).lastError).toBeNull();
});
