import { expect, test } from "vitest";

import type { BackendHealth, HealthResult } from "#shared/wire/health.ts";

import type { AskedNode } from "../../../control/view/asked-nodes.ts";
import { isNowhere, nodeHealths } from "../../../control/view/health-view.ts";
import { anyId } from "../../support/tenant-rows.ts";

const backend: BackendHealth = {
  backend: "10.0.0.5:80",
  ...{ live: true, ejected: false, discovered: true, state: "enabled" },
  ...{ activeConnections: 0, checks: [] },
};
const none: HealthResult = { backends: [], unlisted: 0, sources: [], unserved: null };

/** A node, and what it answers; a null `code` is nothing. */
interface Heard {
  readonly node?: Partial<AskedNode>;
  readonly code?: string | null;
  readonly result?: unknown;
}

const hasNone: Heard = { code: "done", result: none };
const hasIt: Heard = { code: "done", result: { ...none, backends: [backend] } };
const runsNothing: Heard = { code: "not-running" };

function isNowhereFor(heard: readonly Heard[]): boolean {
  const all = heard.map(({ node, code = null, result = null }) => ({
    node: { id: anyId("nod"), hostname: "host", connected: true, able: true, ...node },
    ...{ code, result },
  }));
  const answers = all.map(({ node, code, result }) => ({ nodeId: node.id, code, result }));
  const nodes = all.map(({ node }) => node);
  return isNowhere(nodeHealths(nodes, answers));
}

test("a backend is nowhere when nodes have looked, and none of them has it", () => {
  expect(isNowhereFor([hasNone])).toBe(true);
  expect(isNowhereFor([hasNone, runsNothing, hasNone])).toBe(true);
  expect(isNowhereFor([hasNone, hasIt])).toBe(false);
});

test("a backend is not nowhere while a node may know it, or nobody has looked", () => {
  const unsure: readonly Heard[] = [
    { node: { connected: false } },
    { node: { able: false } },
    { code: null },
    { code: "busy" },
    { code: "done", result: { odd: true } },
  ];
  for (const heard of unsure) expect(isNowhereFor([hasNone, heard])).toBe(false);
  expect(isNowhereFor([runsNothing])).toBe(false);
  expect(isNowhereFor([])).toBe(false);
});
