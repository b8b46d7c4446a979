import { describe, expect, test } from "vitest";

import type { Fetched } from "../../../node-agent/discover/discovery.ts";
import { settled } from "../../support/fake-clock.ts";
import { failure, listOf, runLoop } from "./watched-loop.ts";

const unusable: Fetched = { ok: false, code: "unusable", detail: "none", isAnswered: true };

/** As late as jitter can be. */
const atTheLatest = (): number => 1;

describe("the discovery loop", () => {
  test("F-DSC-01 interval 0 fetches until the first success, then never", async () => {
    const run = runLoop([failure, listOf("a")], { intervalMs: 0 });
    await run.clock.advanceSettled(600_000);

    expect(run.delivered).toEqual([["a"]]);
    expect(run.fetchedMs.length).toBe(2);
    expect(run.clock.timers).toBe(0);
  });

  test("F-DSC-02 refetches every interval after the previous delivery", async () => {
    const run = runLoop([listOf("a"), listOf("a", "b")]);
    await run.clock.advanceSettled(25_000);

    expect(run.fetchedMs).toEqual([0, 10_000, 20_000]);
    expect(run.delivered).toEqual([["a"], ["a", "b"], ["a", "b"]]);
  });

  test("intervals drift apart by 5 %, so that many nodes do not ask in step", async () => {
    const early = runLoop([listOf("a")], { random: () => 0 });
    const late = runLoop([listOf("a")], { random: atTheLatest });
    await early.clock.advanceSettled(10_500);
    await late.clock.advanceSettled(10_500);

    expect(early.fetchedMs).toEqual([0, 9_500]);
    expect(late.fetchedMs).toEqual([0, 10_500]);
  });

  test("F-DSC-03 a failure is retried 2 s later, whatever the interval, further ones later and later up to a bound", async () => {
    const run = runLoop([failure], { random: atTheLatest });
    await run.clock.advanceSettled(100_000);

    expect(gapsOf(run.fetchedMs)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    for (const intervalMs of [0, 100, 3_600_000]) {
      for (const random of [0, 0.001, 0.5, 1]) {
        const mended = runLoop([failure, listOf("a")], { intervalMs, random: () => random });
        await mended.clock.advanceSettled(1_999);
        expect(mended.fetchedMs).toEqual([0]);
        await mended.clock.advanceSettled(1);
        expect(mended.fetchedMs).toEqual([0, 2_000]);
        expect(mended.delivered).toEqual([["a"]]);
      }
    }
  });

  test("further waits are spread between 2 s and their bound, and a success starts anew", async () => {
    const early = runLoop([failure], { random: () => 0 });
    const half = runLoop([failure], { random: () => 0.5 });
    const mended = runLoop([failure, failure, listOf("a"), failure], { random: () => 0.5 });
    await early.clock.advanceSettled(10_000);
    await half.clock.advanceSettled(10_000);
    await mended.clock.advanceSettled(17_000);

    expect(gapsOf(early.fetchedMs)).toEqual([2_000, 2_000, 2_000, 2_000, 2_000]);
    expect(gapsOf(half.fetchedMs)).toEqual([2_000, 3_000, 5_000]);
    expect(gapsOf(mended.fetchedMs)).toEqual([2_000, 3_000, 10_000, 2_000]);
  });

  test("F-DSC-04 a failure under keeplast delivers nothing, so the last set stays", async () => {
    const run = runLoop([listOf("a"), failure]);
    await run.clock.advanceSettled(10_000);

    expect(run.delivered).toEqual([["a"]]);
    expect(run.failures()).toEqual(["unreachable"]);
  });

  test("a failure under setempty delivers an empty list", async () => {
    const run = runLoop([listOf("a"), failure], { failPolicy: "setempty" });
    await run.clock.advanceSettled(10_000);

    expect(run.delivered).toEqual([["a"], []]);
  });

  test("F-DSC-06 a source that hangs is a failure when its timeout ends", async () => {
    const run = runLoop(["hangs", listOf("a")], { timeoutMs: 5_000, random: atTheLatest });
    await run.clock.advanceSettled(4_999);
    expect(run.failures()).toEqual([]);
    await run.clock.advanceSettled(1);
    expect(run.failures()).toEqual(["timeout"]);
    await run.clock.advanceSettled(2_000);
    expect(run.delivered).toEqual([["a"]]);
  });

  test("a timeout of 0 still ends, after five minutes", async () => {
    const run = runLoop(["hangs"], { timeoutMs: 0 });
    await run.clock.advanceSettled(299_999);
    expect(run.failures()).toEqual([]);
    await run.clock.advanceSettled(1);
    expect(run.failures()).toEqual(["timeout"]);
  });

  test("a source that throws is a failure, whose text is not told", async () => {
    const run = runLoop(["throws", listOf("a")]);
    await run.clock.advanceSettled(2_000);

    expect(run.failures()).toEqual(["failed"]);
    expect(JSON.stringify([run.events, run.loop.status()])).not.toContain("hush");
    expect(run.delivered).toEqual([["a"]]);
  });

  test("a stopped loop delivers nothing, not even the fetch under way", async () => {
    const run = runLoop([listOf("a")], { isWatched: true });
    run.loop.stop();
    await settled();
    await run.clock.advanceSettled(60_000);

    expect(run.delivered).toEqual([]);
    expect(run.clock.timers).toBe(0);
  });

  test("a source may say when it is better asked again", async () => {
    const soon: Fetched = { ok: true, backends: [], againMs: 1_000 };
    const run = runLoop([soon, listOf("a")]);
    await run.clock.advanceSettled(12_000);

    expect(run.fetchedMs).toEqual([0, 1_000, 11_000]);
  });

  test("a source with something about to come is asked again within a second, never later than its interval", async () => {
    const coming: Fetched = { ok: true, backends: [], isUnsettled: true };
    const slow = runLoop([coming, listOf("a")]);
    await slow.clock.advanceSettled(12_000);
    expect(slow.fetchedMs).toEqual([0, 1_000, 11_000]);
    const fast = runLoop([coming], { intervalMs: 100 });
    await fast.clock.advanceSettled(250);
    expect(fast.fetchedMs).toEqual([0, 100, 200]);
  });
});

describe("a source that announces changes", () => {
  test("is asked at once, whatever its interval", async () => {
    const run = runLoop([listOf("a"), listOf("a", "b")], { isWatched: true, intervalMs: 60_000 });
    await run.clock.advanceSettled(5_000);
    run.announce("changed");
    await run.clock.advanceSettled(0);

    expect(run.fetchedMs).toEqual([0, 5_000]);
    expect(run.delivered.at(-1)).toEqual(["a", "b"]);
  });

  test("is asked once more when it announces during a fetch", async () => {
    const run = runLoop(["hangs", listOf("b")], { isWatched: true, timeoutMs: 1_000 });
    await run.clock.advanceSettled(500);
    run.announce("changed");
    run.announce("changed");
    await run.clock.advanceSettled(3_000);
    const before = run.fetchedMs.length;
    run.announce("changed");
    await run.clock.advanceSettled(100);

    expect(run.failures()).toEqual(["timeout"]);
    expect(run.fetchedMs.length).toBe(before + 1);
  });

  test("floods nobody: however much it announces, it is asked ten times a second", async () => {
    const run = runLoop([listOf("a")], { isWatched: true });
    for (let ms = 0; ms < 1_000; ms += 1) {
      run.announce("changed");
      await run.clock.advanceSettled(1);
    }
    expect(run.fetchedMs.length).toBeGreaterThan(8);
    expect(run.fetchedMs.length).toBeLessThan(13);
  });

  test("a source that fails is not asked faster for announcing", async () => {
    const run = runLoop([failure], { isWatched: true, random: atTheLatest });
    for (let ms = 0; ms < 6_000; ms += 10) {
      run.announce("changed");
      await run.clock.advanceSettled(10);
    }
    expect(run.fetchedMs.length).toBeLessThanOrEqual(4);
  });

  test("a source that did answer, with nothing to use, is asked at once when it announces, and floods no log", async () => {
    const run = runLoop([listOf("a"), unusable, unusable, listOf("b")], { isWatched: true });
    await run.clock.advanceSettled(10_000);
    run.announce("changed");
    await run.clock.advanceSettled(100);
    run.announce("changed");
    await run.clock.advanceSettled(100);

    expect(gapsOf(run.fetchedMs)).toEqual([10_000, 100, 100]);
    expect(run.delivered).toEqual([["a"], ["b"]]);
    expect(run.failures()).toEqual(["unusable"]);
    expect(run.loop.status()).toMatchObject({ state: "fresh", failures: 2 });
    const lasting = runLoop([unusable], { random: atTheLatest });
    await lasting.clock.advanceSettled(60_000);
    expect(gapsOf(lasting.fetchedMs)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000]);
    expect(lasting.failures().length).toBeGreaterThan(2);
  });

  test("what it names is about to be usable: asked again a second later, then ever later", async () => {
    const coming: Fetched = { ...unusable, isUnsettled: true };
    const run = runLoop([coming], { random: atTheLatest });
    await run.clock.advanceSettled(16_000);
    expect(gapsOf(run.fetchedMs)).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  test("a stream that ends is opened again, and what was missed meanwhile is looked for", async () => {
    const run = runLoop([listOf("a")], { isWatched: true, intervalMs: 60_000 });
    await run.clock.advanceSettled(200);
    run.announce("standing");
    await run.clock.advanceSettled(1_000);
    expect(run.loop.status()).toMatchObject({ isWatched: true, watchProblem: null });
    run.endWatch();
    await run.clock.advanceSettled(0);
    expect(run.loop.status()).toMatchObject({
      isWatched: false,
      watchProblem: "ended: the stream ended",
    });
    await run.clock.advanceSettled(1_000);
    expect(run.watches).toBe(2);
    const before = run.fetchedMs.length;
    run.announce("standing");
    await run.clock.advanceSettled(100);

    expect(run.fetchedMs.length).toBe(before + 1);
  });

  test("with interval 0 it is not listened to: it is asked until its first success, and never again", async () => {
    const run = runLoop([listOf("a")], { isWatched: true, intervalMs: 0 });
    await run.clock.advanceSettled(60_000);
    expect(run.watches).toBe(0);
  });
});

describe("what is known of a source", () => {
  test("last success, last failure, duration and counts are kept", async () => {
    const skipped = { count: 2, detail: "line 3: no port" };
    const run = runLoop([{ ...listOf("a", "b"), skipped } as Fetched, failure, listOf("a")]);
    expect(run.loop.status()).toMatchObject({ state: "waiting", lastSuccessMs: null, fetches: 0 });
    await run.clock.advanceSettled(10_000);

    const startedMs = run.clock.nowMs() - 10_000;
    expect(run.loop.status()).toMatchObject({
      state: "failing",
      backends: 2,
      skipped: 2,
      lastSuccessMs: startedMs,
      lastFailure: { atMs: startedMs + 10_000, code: "unreachable", detail: "no route" },
      lastDurationMs: 0,
      fetches: 2,
      failures: 1,
    });
    await run.clock.advanceSettled(2_000);
    expect(run.loop.status()).toMatchObject({ state: "fresh", backends: 1, fetches: 3 });
    expect(run.events.map(({ kind }) => kind)).toEqual([
      "discovery.skipped",
      "discovery.failed",
      "discovery.recovered",
    ]);
  });

  test("a source that lies differently each time fills no log", async () => {
    const answers = Array.from({ length: 1_000 }, (_, index): Fetched => ({
      ok: true,
      backends: [],
      skipped: { count: 1, detail: `line ${index}` },
    }));
    const run = runLoop(answers, { intervalMs: 100 });
    await run.clock.advanceSettled(30_000);

    expect(run.events.length).toBeLessThanOrEqual(4);
  });
});

describe("the shrink guard", () => {
  const wide = listOf("a", "b", "c", "d");

  test("X-DSC-16 a list that has lost more than the share is refused and the last one stays", async () => {
    const shrink = { percent: 50, holdMs: 0 };
    const half = runLoop([wide, listOf("a", "b"), listOf("a")], { shrink });
    await half.clock.advanceSettled(20_000);
    expect(half.delivered).toEqual([["a", "b", "c", "d"], ["a", "b"], ["a"]]);

    const strict = runLoop([wide, listOf("a"), listOf(), wide], { shrink, failPolicy: "setempty" });
    await strict.clock.advanceSettled(30_000);
    expect(strict.delivered).toEqual([
      ["a", "b", "c", "d"],
      ["a", "b", "c", "d"],
    ]);
    expect(strict.failures()).toEqual(["shrunk", "shrunk"]);
  });

  test("X-DSC-16 by option a list that stays so is taken after a while", async () => {
    const shrink = { percent: 50, holdMs: 15_000 };
    const run = runLoop([wide, listOf("a")], { shrink });
    await run.clock.advanceSettled(29_000);
    expect(run.delivered).toEqual([["a", "b", "c", "d"]]);
    await run.clock.advanceSettled(1_000);
    expect(run.delivered.at(-1)).toEqual(["a"]);
  });
});

function gapsOf(times: readonly number[]): readonly number[] {
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
}
