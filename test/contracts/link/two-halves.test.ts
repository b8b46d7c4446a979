import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { scaled } from "../../support/scale.ts";
import { TwoHalves, versionOf } from "./two-halves.ts";

describe("the two halves of a link", () => {
  test("a change is answered in three frames: message, acknowledgement, nothing more", () => {
    const world = new TwoHalves(versionOf(1));
    world.quiet(2_000);
    world.publish(versionOf(2));
    expect(world.toNode.length).toBe(1);
    world.deliver("node");
    world.work();
    world.work();
    expect(world.toControl.length).toBe(1);
    world.deliver("control");
    expect(world.toNode).toEqual([]);
    expect(world.control).toMatchObject({
      phase: "serving",
      running: versionOf(2),
      inFlight: null,
    });
  });

  test("a failing balancer leaves the node degraded, and serving once it recovered", () => {
    const world = new TwoHalves(versionOf(1));
    world.quiet(2_000);
    world.trouble.fails = true;
    world.publish(versionOf(2));
    world.deliver("node");
    world.work();
    world.work();
    world.deliver("control");
    expect(world.control).toMatchObject({ phase: "degraded", running: versionOf(2) });
    world.quiet(1_000);
    expect(world.control?.phase).toBe("serving");
  });

  test("the database is restored: a lower revision of a higher epoch replaces a higher one", () => {
    const world = new TwoHalves(versionOf(9));
    world.quiet(2_000);
    world.lose();
    world.desired = versionOf(3, 2);
    world.quiet(5_000);
    expect(world.held).toEqual(versionOf(3, 2));
  });

  test("whatever is lost, late or fails in between: the node ends up with what is desired, and both know it", () => {
    fc.assert(
      fc.property(fc.array(actionOf, { maxLength: 80 }), (actions) => {
        const world = new TwoHalves(versionOf(1));
        let rev = 1;
        for (const action of actions) {
          switch (action.kind) {
            case "publish":
              world.publish(versionOf((rev += 1)));
              break;
            case "deliver":
              world.deliver(action.to);
              break;
            case "lose":
              world.lose();
              break;
            case "work":
              world.work();
              break;
            case "pass":
              world.pass(action.ms);
              break;
            case "trouble":
              world.trouble[action.what] = true;
              break;
          }
        }
        world.trouble.fetchFails = false;
        world.trouble.fails = false;
        world.quiet(180_000);
        const desired = versionOf(rev);
        expect(world.held).toEqual(desired);
        expect(world.node).toMatchObject({
          stage: { kind: "open" },
          running: desired,
          inHand: null,
          next: null,
          applying: null,
          standing: { version: desired, errors: [] },
        });
        expect(world.control).toMatchObject({
          stage: "open",
          running: desired,
          desired,
          inFlight: null,
          phase: "serving",
        });
      }),
      { numRuns: scaled(400, 50) },
    );
  });
});

const actionOf = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("deliver" as const),
      to: fc.constantFrom("node" as const, "control" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("work" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(10, 500, 5_000, 20_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("trouble" as const),
      what: fc.constantFrom("fetchFails" as const, "fails" as const),
    }),
  },
);
