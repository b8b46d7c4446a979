import { describe, expect, onTestFinished, test } from "vitest";

import type { Backend } from "#shared/definition/backend.ts";

import { startDiscoveryLoop } from "../../../node-agent/discover/discovery-loop.ts";
import type { Fetch, Fetched } from "../../../node-agent/discover/discovery.ts";
import { staticFetch } from "../../../node-agent/discover/static.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

const failure: Fetched = { ok: false, code: "unreachable", detail: "no route" };

function listOf(...hosts: readonly string[]): Fetched {
  return { ok: true, backends: hosts.map(backend) };
}

function backend(host: string): Backend {
  return { host, port: 80, weight: 1, priority: 1, maxConnections: 0, sni: "" };
}

interface Watched {
  readonly clock: FakeClock;
  readonly fetchedMs: number[];
  readonly delivered: string[][];
  readonly failures: string[];
  readonly stop: () => void;
}

interface Terms {
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly failPolicy?: "keeplast" | "setempty";
}

/** A loop over a source that answers each fetch with the next of these; the last one stays. */
function watch(answers: readonly (Fetched | "hangs")[], terms: Terms = {}): Watched {
  const clock = new FakeClock();
  const fetchedMs: number[] = [];
  const delivered: string[][] = [];
  const failures: string[] = [];
  const fetch: Fetch = () => {
    const answer = answers[Math.min(fetchedMs.length, answers.length - 1)];
    fetchedMs.push(clock.monotonicMs());
    if (answer === "hangs" || answer === undefined) return Promise.withResolvers<Fetched>().promise;
    return Promise.resolve(answer);
  };
  const loop = startDiscoveryLoop(
    { clock, fetch },
    {
      intervalMs: terms.intervalMs ?? 10_000,
      timeoutMs: terms.timeoutMs ?? 5_000,
      failPolicy: terms.failPolicy ?? "keeplast",
      onBackends: (backends) => delivered.push(backends.map(({ host }) => host)),
      onFailure: ({ code }) => failures.push(code),
    },
  );
  onTestFinished(() => loop.stop());
  return { clock, fetchedMs, delivered, failures, stop: () => loop.stop() };
}

describe("the discovery loop", () => {
  test("F-DSC-01 interval 0 fetches until the first success, then never", async () => {
    const loop = watch([failure, listOf("a")], { intervalMs: 0 });
    await loop.clock.advanceSettled(600_000);

    expect(loop.delivered).toEqual([["a"]]);
    expect(loop.fetchedMs.length).toBe(2);
    expect(loop.clock.timers).toBe(0);
  });

  test("F-DSC-02 refetches every interval after the previous delivery", async () => {
    const loop = watch([listOf("a"), listOf("a", "b")]);
    await loop.clock.advanceSettled(25_000);

    expect(loop.fetchedMs).toEqual([0, 10_000, 20_000]);
    expect(loop.delivered).toEqual([["a"], ["a", "b"], ["a", "b"]]);
  });

  test("F-DSC-03 a failure is retried after 2 s, further ones later and later up to a bound", async () => {
    const loop = watch([failure]);
    await loop.clock.advanceSettled(100_000);

    const gaps = loop.fetchedMs.slice(1).map((at, index) => at - (loop.fetchedMs[index] ?? 0));
    expect(gaps).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  test("a failure under keeplast delivers nothing, under setempty an empty list", async () => {
    const kept = watch([listOf("a"), failure]);
    const emptied = watch([listOf("a"), failure], { failPolicy: "setempty" });
    await kept.clock.advanceSettled(10_000);
    await emptied.clock.advanceSettled(10_000);

    expect(kept.delivered).toEqual([["a"]]);
    expect(emptied.delivered).toEqual([["a"], []]);
    expect(kept.failures).toEqual(["unreachable"]);
  });

  test("F-DSC-06 a source that hangs is a failure when its timeout ends", async () => {
    const loop = watch(["hangs", listOf("a")], { timeoutMs: 5_000 });
    await loop.clock.advanceSettled(4_999);
    expect(loop.failures).toEqual([]);
    await loop.clock.advanceSettled(1);
    expect(loop.failures).toEqual(["timeout"]);
    await loop.clock.advanceSettled(2_000);
    expect(loop.delivered).toEqual([["a"]]);
  });

  test("a stopped loop delivers nothing, not even the fetch under way", async () => {
    const loop = watch([listOf("a")]);
    loop.stop();
    await settled();
    await loop.clock.advanceSettled(60_000);

    expect(loop.delivered).toEqual([]);
    expect(loop.clock.timers).toBe(0);
  });
});

describe("static discovery", () => {
  test("gives its list as it stands, an empty one too", async () => {
    const signal = new AbortController().signal;
    const list = [backend("a"), backend("b")];
    expect(await staticFetch({ kind: "static", backends: list })(signal)).toEqual({
      ok: true,
      backends: list,
    });
    expect(await staticFetch({ kind: "static", backends: [] })(signal)).toEqual({
      ok: true,
      backends: [],
    });
  });
});
