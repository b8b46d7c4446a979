import { expect, test } from "vitest";

import { RateLimiter } from "../../control/rate-limiter.ts";
import { FakeClock } from "../support/fake-clock.ts";

const limit = { name: "calls", burst: 3, perSecond: 2 };

test("so many calls pass at once, then as many as come back with the time", () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(clock, limit);
  const taken = [1, 2, 3, 4].map(() => limiter.take("a"));
  expect(taken.map(({ allowed }) => allowed)).toEqual([true, true, true, false]);
  expect(taken.map(({ remaining }) => remaining)).toEqual([2, 1, 0, 0]);
  expect(taken[3]?.retryAfterS).toBe(1);
  clock.advance(500);
  expect(limiter.take("a").allowed).toBe(true);
  expect(limiter.take("a").allowed).toBe(false);
  clock.advance(60_000);
  expect(limiter.take("a")).toEqual({ allowed: true, remaining: 2, retryAfterS: 1 });
});

test("one key's calls do not count for another", () => {
  const limiter = new RateLimiter(new FakeClock(), { ...limit, burst: 1 });
  expect(limiter.take("a").allowed).toBe(true);
  expect(limiter.take("b").allowed).toBe(true);
  expect(limiter.take("a").allowed).toBe(false);
});

test("it remembers a bounded number of keys, and forgets the one that was not used for longest", () => {
  const limiter = new RateLimiter(new FakeClock(), { ...limit, burst: 1 }, 2);
  for (const key of ["a", "b", "a", "c"]) limiter.take(key);
  expect(limiter.take("a").allowed).toBe(false);
  expect(limiter.take("b").allowed).toBe(true);
});

test("looking takes nothing, and what is given back can be taken again", () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(clock, { ...limit, burst: 2 });
  expect(limiter.look("a")).toEqual({ allowed: true, remaining: 2, retryAfterS: 1 });
  limiter.take("a");
  limiter.take("a");
  expect(limiter.look("a").allowed).toBe(false);
  limiter.giveBack("a");
  expect(limiter.look("a")).toMatchObject({ allowed: true, remaining: 1 });
  limiter.giveBack("a");
  limiter.giveBack("a");
  expect(limiter.look("a").remaining).toBe(2);
});

test("whoever gave back all that it took is not remembered", () => {
  const limiter = new RateLimiter(new FakeClock(), { ...limit, burst: 2 }, 2);
  limiter.take("bad");
  limiter.take("bad");
  for (let n = 0; n < 100; n += 1) {
    limiter.take(`good ${n}`);
    limiter.giveBack(`good ${n}`);
  }
  expect(limiter.look("bad").allowed).toBe(false);
});
