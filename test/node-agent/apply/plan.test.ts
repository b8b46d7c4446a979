import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseBind } from "#shared/definition/bind.ts";
import { clashes } from "#shared/validation/bind-clash.ts";

import type { VerifiedBalancer } from "../../../node-agent/apply/flows.ts";
import type { Step } from "../../../node-agent/apply/plan-change.ts";
import { plan } from "../../../node-agent/apply/plan.ts";
import { withoutRunning, withRunning, type Running } from "../../../node-agent/apply/running.ts";
import { verifiedOf } from "./balancers.ts";

const none: ReadonlySet<string> = new Set();

describe("plan", () => {
  test("what is new starts, what changed is updated, what is gone is removed with its own drain time", () => {
    const kept = verifiedOf("kept", { bind: ["127.0.0.1:9001"] });
    const old = verifiedOf("changed", { bind: ["127.0.0.1:9002"] });
    const changed = verifiedOf("changed", { bind: ["127.0.0.1:9002"], strategy: "roundrobin" });
    const gone = verifiedOf("gone", { bind: ["127.0.0.1:9003"], drainTimeout: "7s" });
    const fresh = verifiedOf("fresh", { bind: ["127.0.0.1:9004"] });

    const waves = plan(runningOf([kept, old, gone]), {
      balancers: [kept, changed, fresh],
      kept: none,
    });

    expect(waves).toEqual([
      [
        { do: "update", balancer: changed },
        { do: "start", balancer: fresh },
      ],
      [{ do: "remove", id: "gone", drainTimeoutMs: 7_000 }],
    ]);
  });

  test("a removed balancer whose address is taken over goes first", () => {
    const gone = verifiedOf("gone", { bind: ["0.0.0.0:9001"] });
    const fresh = verifiedOf("fresh", { bind: ["127.0.0.1:9001"] });
    const waves = plan(runningOf([gone]), { balancers: [fresh], kept: none });
    expect(doings(waves)).toEqual([["remove gone"], ["start fresh"]]);
  });

  test("a balancer that comes to speak another transport is removed and started again, wherever it listens", () => {
    const tcp = { protocol: "tcp", bind: ["127.0.0.1:9001"] };
    const more = { protocol: "tcp", bind: ["127.0.0.1:9001", "127.0.0.1:9002"] };
    const udp = { protocol: "udp", bind: ["127.0.0.1:9001"], limits: { clientIdleTimeout: "60s" } };
    const elsewhere = { ...udp, bind: ["127.0.0.1:9003"] };
    const steps = (before: object, after: object) => {
      const wanted = { balancers: [verifiedOf("a", { ...after })], kept: none };
      return doings(plan(runningOf([verifiedOf("a", { ...before })]), wanted));
    };
    for (const [before, after] of [
      [tcp, udp],
      [udp, tcp],
      [tcp, elsewhere],
    ] as const) {
      expect(steps(before, after)).toEqual([["remove a"], ["start a"]]);
    }
    expect(steps(tcp, more)).toEqual([["update a"]]);
    expect(steps(udp, elsewhere)).toEqual([["update a"]]);
  });

  test("an address that moves between two balancers is freed before it is taken", () => {
    const waves = plan(
      runningOf([
        verifiedOf("a", { bind: ["127.0.0.1:9001", "127.0.0.1:9002"] }),
        verifiedOf("b", { bind: ["127.0.0.1:9003"] }),
      ]),
      {
        balancers: [
          verifiedOf("a", { bind: ["127.0.0.1:9001"] }),
          verifiedOf("b", { bind: ["127.0.0.1:9003", "127.0.0.1:9002"] }),
        ],
        kept: none,
      },
    );
    expect(doings(waves)).toEqual([["update a"], ["update b"]]);
  });

  test("two balancers that swap addresses: one is removed and started again, the other changes in place", () => {
    const [first, second] = [["127.0.0.1:9001"], ["127.0.0.1:9002"]];
    const waves = plan(
      runningOf([verifiedOf("a", { bind: first }), verifiedOf("b", { bind: second })]),
      {
        balancers: [verifiedOf("a", { bind: second }), verifiedOf("b", { bind: first })],
        kept: none,
      },
    );
    expect(doings(waves)).toEqual([["remove a"], ["update b"], ["start a"]]);
  });

  test("a balancer that only waits for a circle changes in place", () => {
    const waves = plan(
      runningOf([
        verifiedOf("a", { bind: ["127.0.0.1:9004"] }),
        verifiedOf("x", { bind: ["127.0.0.1:9001"] }),
        verifiedOf("y", { bind: ["127.0.0.1:9002", "127.0.0.1:9003"] }),
      ]),
      {
        balancers: [
          verifiedOf("a", { bind: ["127.0.0.1:9003"] }),
          verifiedOf("x", { bind: ["127.0.0.1:9002"] }),
          verifiedOf("y", { bind: ["127.0.0.1:9001"] }),
        ],
        kept: none,
      },
    );
    expect(doings(waves).flat()).toContain("update a");
  });

  test("what may not run as written keeps running as it was", () => {
    const running = verifiedOf("refused");
    expect(plan(runningOf([running]), { balancers: [], kept: new Set(["refused"]) })).toEqual([]);
  });

  test("TCP and UDP do not get in each other's way", () => {
    const udp = { protocol: "udp", udp: { maxResponses: 1 } };
    const waves = plan(runningOf([verifiedOf("tcp", { bind: ["127.0.0.1:9001"] })]), {
      balancers: [verifiedOf("udp", { bind: ["127.0.0.1:9001"], ...udp })],
      kept: none,
    });
    expect(doings(waves)).toEqual([["start udp"], ["remove tcp"]]);
  });

  test("whatever runs and is wanted: the steps lead there, no address is ever taken twice, and planning again finds nothing to do", () => {
    fc.assert(
      fc.property(groupOf, groupOf, (before, after) => {
        const running = runningOf(before);
        const waves = plan(running, { balancers: after, kept: none });
        const result = followed(running, waves);
        expect(hashes(result)).toEqual(hashes(runningOf(after)));
        // The steps of a wave run in no particular order.
        const otherwise = followed(
          running,
          waves.map((wave) => wave.toReversed()),
        );
        expect(hashes(otherwise)).toEqual(hashes(result));
        expect(plan(result, { balancers: after, kept: none })).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("a balancer that is in nobody's way is never removed to be changed", () => {
    fc.assert(
      fc.property(groupOf, groupOf, (before, after) => {
        const running = runningOf(before);
        const removed = new Set(
          plan(running, { balancers: after, kept: none })
            .flat()
            .flatMap((step) => (step.do === "remove" ? [step.id] : [])),
        );
        for (const balancer of after) {
          const sameBinds =
            running.get(balancer.id)?.definition.bind.join() === balancer.definition.bind.join();
          if (sameBinds) expect(removed.has(balancer.id)).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Balancers that share out eight ports, so that no two want the same one. */
const groupOf = fc
  .array(fc.constantFrom("a", "b", "c", "d", "e", undefined), { minLength: 8, maxLength: 8 })
  .chain((owners) =>
    fc.constantFrom("weight", "roundrobin").map((strategy) =>
      [...new Set(owners)].flatMap((id) => {
        if (id === undefined) return [];
        const bind = owners.flatMap((owner, port) =>
          owner === id ? [`127.0.0.1:${9_000 + port}`] : [],
        );
        return [verifiedOf(id, { bind, strategy })];
      }),
    ),
  );

function runningOf(balancers: readonly VerifiedBalancer[]): Running {
  return new Map(balancers.map((balancer) => [balancer.id, balancer]));
}

/** Does the steps one after the other, and sees that each finds its addresses free. */
function followed(running: Running, waves: readonly (readonly Step[])[]): Running {
  return waves.flat().reduce((now, step) => {
    if (step.do === "remove") return withoutRunning(now, step.id);
    for (const other of now.values()) {
      if (other.id !== step.balancer.id) expect(getsInTheWay(other, step.balancer)).toBe(false);
    }
    return withRunning(now, step.balancer);
  }, running);
}

function getsInTheWay(one: VerifiedBalancer, other: VerifiedBalancer): boolean {
  return one.definition.bind.some((a) =>
    other.definition.bind.some((b) =>
      clashes({ bind: parseBind(a), protocol: "tcp" }, { bind: parseBind(b), protocol: "tcp" }),
    ),
  );
}

function hashes(running: Running): Readonly<Record<string, string>> {
  return Object.fromEntries([...running.values()].map(({ id, hash }) => [id, hash]));
}

function doings(waves: readonly (readonly Step[])[]): readonly (readonly string[])[] {
  return waves.map((wave) =>
    wave.map((step) => `${step.do} ${step.do === "remove" ? step.id : step.balancer.id}`),
  );
}
