import { onTestFinished } from "vitest";

import type { Backend } from "#shared/definition/backend.ts";

import { DiscoveryLoop } from "../../../node-agent/discover/discovery-loop.ts";
import type { Announce, Fetch, Fetched } from "../../../node-agent/discover/discovery.ts";
import type { ShrinkTerms } from "../../../node-agent/discover/shrink-guard.ts";
import type { SourceEvent } from "../../../node-agent/discover/source-status.ts";
import { FakeClock } from "../../support/fake-clock.ts";

export const failure: Fetched = { ok: false, code: "unreachable", detail: "no route" };

export function listOf(...hosts: readonly string[]): Fetched {
  return { ok: true, backends: hosts.map(backendAt) };
}

function backendAt(host: string): Backend {
  return { host, port: 80, weight: 1, priority: 1, maxConnections: 0, sni: "" };
}

export interface LoopTerms {
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly failPolicy?: "keeplast" | "setempty";
  readonly shrink?: ShrinkTerms;
  /** 0.5 unless given: the middle, so that intervals are exact. */
  readonly random?: () => number;
  /** Whether the source has a stream of events. */
  readonly isWatched?: boolean;
}

export interface LoopUnderTest {
  readonly clock: FakeClock;
  readonly loop: DiscoveryLoop;
  readonly fetchedMs: number[];
  readonly delivered: string[][];
  readonly events: SourceEvent[];
  /** Codes of the failures that were told. */
  failures(): readonly string[];
  /** Speaks for the source's stream of events. */
  announce: Announce;
  /** Ends the stream that is open; how often one was opened stands in `watches`. */
  endWatch: () => void;
  watches: number;
}

/** A loop over a source that answers each fetch with the next of these; the last one stays. */
export function runLoop(
  answers: readonly (Fetched | "hangs" | "throws")[],
  terms: LoopTerms = {},
): LoopUnderTest {
  const clock = new FakeClock();
  const fetchedMs: number[] = [];
  const delivered: string[][] = [];
  const events: SourceEvent[] = [];
  const fetch: Fetch = () => {
    const answer = answers[Math.min(fetchedMs.length, answers.length - 1)];
    fetchedMs.push(clock.monotonicMs());
    if (answer === "throws") return Promise.reject(new Error("password=hush"));
    if (answer === "hangs" || answer === undefined) return Promise.withResolvers<Fetched>().promise;
    return Promise.resolve(answer);
  };
  const state: { announce: Announce; endWatch: () => void; watches: number } = {
    announce: noStream,
    endWatch: noStream,
    watches: 0,
  };
  const watch = (announce: Announce): Promise<Extract<Fetched, { ok: false }>> => {
    const end = Promise.withResolvers<Extract<Fetched, { ok: false }>>();
    state.watches += 1;
    state.announce = announce;
    state.endWatch = () => end.resolve({ ok: false, code: "ended", detail: "the stream ended" });
    return end.promise;
  };
  const loop = new DiscoveryLoop(
    {
      clock,
      random: terms.random ?? (() => 0.5),
      source: terms.isWatched === true ? { fetch, watch } : { fetch },
    },
    {
      intervalMs: terms.intervalMs ?? 10_000,
      timeoutMs: terms.timeoutMs ?? 5_000,
      failPolicy: terms.failPolicy ?? "keeplast",
      ...(terms.shrink === undefined ? {} : { shrink: terms.shrink }),
      onBackends: (backends) => delivered.push(backends.map(({ host }) => host)),
      onEvent: (event) => events.push(event),
    },
  );
  onTestFinished(() => loop.stop());
  return {
    clock,
    loop,
    fetchedMs,
    delivered,
    events,
    failures: () =>
      events.flatMap((event) => (event.kind === "discovery.failed" ? [event.code] : [])),
    announce: (what) => state.announce(what),
    endWatch: () => state.endWatch(),
    get watches() {
      return state.watches;
    },
  };
}

function noStream(): void {
  throw new Error("this source has no stream of events");
}
