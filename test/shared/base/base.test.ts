import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { backoffMs, jitteredMs } from "#shared/base/backoff.ts";
import { sleep, systemClock } from "#shared/base/clock.ts";
import { errorText, Fault, systemErrorCode } from "#shared/base/fault.ts";
import { newId, parseId } from "#shared/base/ids.ts";
import { Lifetime } from "#shared/base/lifetime.ts";
import { pointerOf } from "#shared/base/problem.ts";
import { fullBucket, refilled } from "#shared/base/token-bucket.ts";

import { FakeClock } from "../../support/fake-clock.ts";

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoff", () => {
  test("is uniform below a ceiling that doubles up to its maximum", () => {
    fc.assert(
      fc.property(fc.nat(1_000), share, (attempt, luck) => {
        const waitMs = backoffMs(attempt, { firstMs: 500, maxMs: 60_000 }, () => luck);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThan(Math.min(60_000, 500 * 2 ** Math.min(attempt, 30)));
      }),
    );
    expect(backoffMs(3, { firstMs: 100, maxMs: 60_000 }, () => 0.5)).toBe(400);
  });

  test("jitter stays within its share", () => {
    expect(jitteredMs(1_000, 0.2, () => 0)).toBe(800);
    expect(jitteredMs(1_000, 0.2, () => 1)).toBe(1_200);
  });
});

describe("a token bucket", () => {
  test("never lets more through than its burst and its rate", () => {
    const rate = { burst: 5, perSecond: 10 };
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 200 }), (pausesMs) => {
        let bucket = fullBucket(rate, 0);
        let [nowMs, passed] = [0, 0];
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          bucket = refilled(bucket, rate, nowMs);
          if (bucket.tokens < 1) continue;
          bucket = { ...bucket, tokens: bucket.tokens - 1 };
          passed += 1;
        }
        expect(passed).toBeLessThanOrEqual(rate.burst + (nowMs / 1_000) * rate.perSecond + 1e-6);
      }),
    );
  });

  test("takes nothing back when the clock does", () => {
    expect(refilled({ tokens: 2, atMs: 1_000 }, { burst: 5, perSecond: 1 }, 500).tokens).toBe(2);
  });
});

describe("ids", () => {
  const source = (nowMs: number) => ({
    nowMs: () => nowMs,
    randomBytes: (count: number) => new Uint8Array(count).fill(nowMs % 256),
  });

  test("have their kind's form and no other's", () => {
    const id = newId("bal", source(1));
    expect(id).toMatch(/^bal_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(parseId("bal", id)).toBe(id);
    expect(parseId("nod", id)).toBeUndefined();
    for (const text of ["", "bal_", `${id}0`, id.toUpperCase(), `bal_${"i".repeat(26)}`]) {
      expect(parseId("bal", text)).toBeUndefined();
    }
  });

  test("sort by the time of their making", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.nat(2 ** 40), (one, two) => {
        const [left, right] = [newId("ten", source(one)), newId("ten", source(two))];
        if (one < two) expect(left < right).toBe(true);
      }),
    );
  });
});

describe("a lifetime", () => {
  test("stops what was started in reverse order, each within its bound, once", async () => {
    const clock = new FakeClock();
    const life = new Lifetime(clock, 1_000);
    const order: string[] = [];
    const part = (name: string, stop: () => Promise<void> | void) =>
      life.own({
        name,
        stop: () => {
          order.push(name);
          return stop();
        },
      });
    part("first", () => undefined);
    part("hangs", () => new Promise<void>(() => undefined));
    part("fails", () => Promise.reject(new Error("no")));
    part("throws", () => {
      throw new Error("no");
    });
    part("last", () => undefined);
    const stopping = life.stop();
    await clock.advanceSettled(1_000);
    const outcomes = await stopping;
    expect(order).toEqual(["last", "throws", "fails", "hangs", "first"]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      ...["stopped", "failed", "failed", "timed-out", "stopped"],
    ]);
    expect(await life.stop()).toBe(outcomes);
    expect(clock.timers).toBe(0);
  });
});

describe("clocks", () => {
  test("a sleep ends when its time is over, or when it is called off", async () => {
    const clock = new FakeClock();
    const slept = sleep(clock, 100);
    clock.advance(100);
    await expect(slept).resolves.toBeUndefined();
    const stop = new AbortController();
    const broken = sleep(clock, 100, stop.signal);
    stop.abort(new Error("stop"));
    await expect(broken).rejects.toThrow("stop");
    await expect(sleep(clock, 100, stop.signal)).rejects.toThrow("stop");
    expect(clock.timers).toBe(0);
  });

  test("the system's timers run and can be stopped", async () => {
    const clock = systemClock({ unref: false });
    const ran: string[] = [];
    clock.after(1, () => ran.push("stopped")).stop();
    const ticks = Promise.withResolvers<void>();
    const every = clock.every(1, () => {
      ran.push("tick");
      if (ran.length === 2) ticks.resolve();
    });
    await ticks.promise;
    every.stop();
    expect(ran).toEqual(["tick", "tick"]);
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1_000);
    expect(clock.monotonicMs()).toBeGreaterThan(0);
  });
});

describe("faults and problems", () => {
  test("a fault keeps its cause; errors of the system have their code", () => {
    const cause = Object.assign(new Error("bind"), { code: "EADDRINUSE" });
    const fault = new Fault({ code: "listen/taken", owner: "node", message: "taken", cause });
    expect(fault).toMatchObject({ code: "listen/taken", owner: "node", cause });
    expect(new Fault({ code: "a/b", owner: "node", message: "m" })).not.toHaveProperty("cause");
    expect(systemErrorCode(cause)).toBe("EADDRINUSE");
    expect(systemErrorCode("EADDRINUSE")).toBeUndefined();
    expect(errorText(cause)).toBe("bind");
    expect(errorText(7)).toBe("7");
  });

  test("a pointer names a path as RFC 6901 has it", () => {
    expect(pointerOf([])).toBe("");
    expect(pointerOf(["a/b", 0, "m~n"])).toBe("/a~1b/0/m~0n");
  });
});
