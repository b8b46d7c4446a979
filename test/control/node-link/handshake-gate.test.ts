import { describe, expect, test } from "vitest";

import type { GroupId, NodeId, TenantId } from "#shared/base/ids.ts";
import {
  handshakeBurstMax,
  handshakesPendingMax,
  linksPerInstanceMax,
  linksPerTenantMax,
} from "#shared/base/limits.ts";

import { HandshakeGate, type Visit } from "../../../control/node-link/handshake-gate.ts";
import type { UpgradeRefusal } from "../../../control/node-link/upgrade-answer.ts";
import type { KnownNode } from "../../../control/node-rows.ts";
import { RateLimiter } from "../../../control/rate-limiter.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { anyId } from "../../support/tenant-rows.ts";

const attemptRate = { name: "attempts", burst: 3, perSecond: 1 };

function knownNode(tenantId: TenantId = anyId("ten")): KnownNode {
  const groupId: GroupId = anyId("grp");
  const keys = { signingKey: "", receivingKey: "" };
  return { tenantId, groupId, nodeId: anyId("nod"), ...keys, generation: 0, revoked: false };
}

function gate(burst = attemptRate.burst) {
  const clock = new FakeClock();
  const attempts = new RateLimiter(clock, { ...attemptRate, burst });
  const linked = new Map<TenantId, number>();
  const nodes = new Set<NodeId>();
  const links = {
    get size() {
      return [...linked.values()].reduce((sum, count) => sum + count, 0);
    },
    countOf: (tenant: TenantId) => linked.get(tenant) ?? 0,
    has: (node: NodeId) => nodes.has(node),
  };
  const under = new HandshakeGate({ clock, random: () => 0, attempts, links });
  return { clock, linked, nodes, under };
}

function entered(outcome: Visit | UpgradeRefusal): Visit {
  if ("status" in outcome) throw new Error(`refused: ${outcome.detail}`);
  return outcome;
}

const tooMany = { status: 429, code: "http/too-many-requests", headers: { "Retry-After": "1" } };

describe("the gate before a link", () => {
  test("an address has so many attempts that are not verified, and regains them with time", () => {
    const { clock, under } = gate();
    for (const _ of [1, 2, 3]) entered(under.enter("a")).leave();
    expect(under.enter("a")).toMatchObject(tooMany);
    entered(under.enter("b")).leave();
    clock.advance(1_000);
    entered(under.enter("a")).leave();
    expect(under.enter("a")).toMatchObject(tooMany);
  });

  test("what is verified does not count: any number of nodes may stand behind one address", () => {
    const { under } = gate();
    for (let n = 0; n < 100; n += 1) {
      const visit = entered(under.enter("a"));
      expect(visit.verified(knownNode())).toBeUndefined();
      visit.leave();
    }
  });

  test("what could not be looked up does not count either", () => {
    const { under } = gate();
    for (let n = 0; n < 10; n += 1) {
      const visit = entered(under.enter("a"));
      visit.undecided();
      visit.leave();
    }
  });

  test("attempts of strangers take nothing of what is admitted for all nodes", () => {
    const { under } = gate();
    for (let n = 0; n < 2 * handshakeBurstMax; n += 1) entered(under.enter(`a${n}`)).leave();
    for (let n = 0; n < handshakeBurstMax; n += 1) {
      const visit = entered(under.enter("b"));
      expect(visit.verified(knownNode())).toBeUndefined();
      visit.leave();
    }
    const visit = entered(under.enter("b"));
    expect(visit.verified(knownNode())).toMatchObject({ status: 503, code: "http/busy" });
  });

  test("so many may wait for the database; more are told to come back, and may", () => {
    const { under } = gate(2 * handshakesPendingMax);
    const visits = Array.from({ length: handshakesPendingMax }, () => entered(under.enter("a")));
    expect(under.enter("a")).toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
    for (const visit of visits) visit.leave();
    entered(under.enter("a")).leave();
  });

  test("a tenant has so many links here, those that are about to open included", () => {
    const { linked, nodes, under } = gate();
    const [mine, other] = [knownNode(), knownNode()];
    linked.set(mine.tenantId, linksPerTenantMax - 1);
    const first = entered(under.enter("a"));
    expect(first.verified(mine)).toBeUndefined();
    const full = { status: 503, code: "http/link-limit-reached", headers: { "Retry-After": "1" } };
    const second = knownNode(mine.tenantId);
    expect(entered(under.enter("a")).verified(second)).toMatchObject(full);
    expect(entered(under.enter("a")).verified(other)).toBeUndefined();
    nodes.add(second.nodeId);
    expect(entered(under.enter("a")).verified(second)).toBeUndefined();
    first.leave();
  });

  test("an instance has so many links; a node that has one may replace it", () => {
    const { linked, nodes, under } = gate();
    for (const _ of [1, 2, 3]) linked.set(anyId("ten"), linksPerInstanceMax / 3);
    const node = knownNode();
    expect(entered(under.enter("a")).verified(node)).toMatchObject({ code: "http/busy" });
    nodes.add(node.nodeId);
    expect(entered(under.enter("a")).verified(node)).toBeUndefined();
  });
});
