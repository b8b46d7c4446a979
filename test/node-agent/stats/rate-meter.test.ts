import { expect, test } from "vitest";

import type { CounterTotals } from "#shared/measures/report.ts";

import { RateMeter } from "../../../node-agent/stats/rate-meter.ts";

const noRates = { rxPerSecond: 0, txPerSecond: 0 };

function totals(rxBytes: number, txBytes: number): CounterTotals {
  return { connections: 0, refused: 0, rejected: 0, rxBytes, txBytes };
}

test("a rate is what came between two looks, by the time between them", () => {
  const meter = new RateMeter();
  meter.look(new Map([["a", totals(1_000, 0)]]), 0);
  expect(meter.ratesOf("a")).toEqual(noRates);
  meter.look(new Map([["a", totals(5_000, 600)]]), 2_000);
  expect(meter.ratesOf("a")).toEqual({ rxPerSecond: 2_000, txPerSecond: 300 });
  meter.look(new Map([["a", totals(5_000, 600)]]), 4_000);
  expect(meter.ratesOf("a")).toEqual(noRates);
});

test("a late look does not exaggerate", () => {
  const meter = new RateMeter();
  meter.look(new Map([["a", totals(0, 0)]]), 0);
  meter.look(new Map([["a", totals(10_000, 0)]]), 10_000);
  expect(meter.ratesOf("a").rxPerSecond).toBe(1_000);
});

test("a row that was made anew has no negative rate, and one that is gone none at all", () => {
  const meter = new RateMeter();
  meter.look(new Map([["a", totals(9_000, 0)]]), 0);
  meter.look(new Map([["a", totals(100, 0)]]), 2_000);
  expect(meter.ratesOf("a").rxPerSecond).toBe(0);
  meter.look(new Map(), 4_000);
  meter.look(new Map([["a", totals(900, 0)]]), 6_000);
  expect(meter.ratesOf("a")).toEqual(noRates);
  expect(meter.ratesOf("never seen")).toEqual(noRates);
});
