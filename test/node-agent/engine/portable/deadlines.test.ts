import { expect, test } from "vitest";

import { Deadline, Deadlines } from "../../../../node-agent/engine/portable/deadlines.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

test("deadlines come due in order, each at its moment, whatever was set, moved and cleared", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const due: { readonly index: number; readonly atMs: number }[] = [];
  const wanted = new Map<number, number>();
  const all = Array.from({ length: 200 }, (_, index) => {
    return new Deadline({ onDue: (atMs) => due.push({ index, atMs }) });
  });

  for (const [index, deadline] of all.entries()) {
    deadlines.set(deadline, (index * 7_919) % 1_000);
    wanted.set(index, (index * 7_919) % 1_000);
  }
  for (const [index, deadline] of all.entries()) {
    if (index % 3 === 0) {
      deadlines.clear(deadline);
      wanted.delete(index);
    }
    if (index % 5 === 1) {
      deadlines.set(deadline, (index * 104_729) % 1_000);
      wanted.set(index, (index * 104_729) % 1_000);
    }
  }
  clock.advance(1_000);

  expect(new Map(due.map(({ index, atMs }) => [index, atMs]))).toEqual(wanted);
  expect(due).toHaveLength(wanted.size);
  expect(due.map(({ atMs }) => atMs)).toEqual(
    due.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
  );
  expect(clock.timers).toBe(0);
});

test("a deadline that comes due may set itself again", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const due: number[] = [];
  const deadline: Deadline = new Deadline({
    onDue: (nowMs) => {
      due.push(nowMs);
      if (nowMs < 300) deadlines.set(deadline, nowMs + 100);
    },
  });

  deadlines.set(deadline, 100);
  clock.advance(1_000);

  expect(due).toEqual([100, 200, 300]);
});

test("all deadlines share one timer, and none is left after a stop", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const due: number[] = [];
  for (let index = 1; index <= 50; index += 1) {
    deadlines.set(new Deadline({ onDue: (nowMs) => due.push(nowMs) }), 1_000 - index);
  }
  expect(clock.timers).toBe(1);

  deadlines.stop();
  clock.advance(2_000);

  expect([due, clock.timers]).toEqual([[], 0]);
});
