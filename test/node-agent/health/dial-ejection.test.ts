import { expect, test } from "vitest";

import type { Ejection } from "#shared/definition/ejection.ts";
import { ejectionSchema } from "#shared/definition/ejection.ts";

import { DialEjection } from "../../../node-agent/health/dial-ejection.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function rig(terms: Partial<Record<keyof Ejection, string | number>> = {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const ejection = new DialEjection(
    {
      clock,
      onEject: ({ backend, failures, forMs }) => told.push(`-${backend} ${failures} ${forMs}`),
      onReadmit: (backend) => told.push(`+${backend}`),
    },
    ejectionSchema.parse({ failures: 3, time: "10s", maxTime: "1m", ...terms }),
  );
  return { clock, told, ejection };
}

test("X-TCP-21 so many failures in a row eject, each time for twice as long, up to a bound", () => {
  const { clock, told, ejection } = rig();
  ejection.onFailures("a", 2);
  expect(told).toEqual([]);
  for (const forMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
    ejection.onFailures("a", 3);
    ejection.onFailures("a", 9);
    clock.advance(forMs - 1);
    expect(told.splice(0)).toEqual([`-a 3 ${forMs}`]);
    clock.advance(1);
    expect(told.splice(0)).toEqual(["+a"]);
  }
  expect(clock.timers).toBe(0);
});

test("a backend that was back for longer than it had been out begins anew", () => {
  const { clock, told, ejection } = rig();
  ejection.onFailures("a", 3);
  clock.advance(10_000);
  ejection.onFailures("a", 3);
  clock.advance(20_000 + 19_999);
  ejection.onFailures("a", 3);
  clock.advance(40_000 + 40_000);
  ejection.onFailures("a", 3);
  expect(told.filter((line) => line.startsWith("-"))).toEqual([
    "-a 3 10000",
    "-a 3 20000",
    "-a 3 40000",
    "-a 3 10000",
  ]);
});

test("each backend has a count of its own, and one that left is forgotten", () => {
  const { clock, told, ejection } = rig();
  ejection.onFailures("a", 3);
  ejection.onFailures("b", 3);
  ejection.keep(new Set(["b"]));
  clock.advance(10_000);
  expect(told).toEqual(["-a 3 10000", "-b 3 10000", "+b"]);
  ejection.onFailures("a", 3);
  expect(told.at(-1)).toBe("-a 3 10000");
  ejection.stop();
  expect(clock.timers).toBe(0);
});

test("without terms nobody is ejected, and whoever was is taken in again", () => {
  const { clock, told, ejection } = rig();
  ejection.onFailures("a", 3);
  ejection.configure(undefined);
  ejection.onFailures("a", 100);
  expect(told).toEqual(["-a 3 10000", "+a"]);
  expect(clock.timers).toBe(0);
});
