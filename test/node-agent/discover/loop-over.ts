import { expect, onTestFinished } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import type { Backend } from "#shared/definition/backend.ts";

import { DiscoveryLoop } from "../../../node-agent/discover/discovery-loop.ts";
import type { DiscoverySource } from "../../../node-agent/discover/discovery.ts";
import type { SourceEvent } from "../../../node-agent/discover/source-status.ts";
import { timed } from "../../support/best-round.ts";
import { eventually } from "../../support/eventually.ts";

/** A source that is asked by a real loop. */
export interface LoopedSource {
  readonly loop: DiscoveryLoop;
  readonly delivered: readonly (readonly Backend[])[];
  readonly events: readonly SourceEvent[];
  /** `host:port` of what was delivered last, sorted; undefined before that. */
  targets(): readonly string[] | undefined;
}

/** Asks a source until the end of the test. */
export function loopOver(
  source: DiscoverySource,
  { intervalMs }: { readonly intervalMs: number },
): LoopedSource {
  const delivered: (readonly Backend[])[] = [];
  const events: SourceEvent[] = [];
  const loop = new DiscoveryLoop(
    { clock: systemClock(), random: Math.random, source },
    {
      intervalMs,
      timeoutMs: 5_000,
      failPolicy: "keeplast",
      onBackends: (backends) => delivered.push(backends),
      onEvent: (event) => events.push(event),
    },
  );
  onTestFinished(() => loop.stop());
  return {
    loop,
    delivered,
    events,
    targets: () =>
      delivered
        .at(-1)
        ?.map(({ host, port }) => `${host}:${port}`)
        .toSorted(),
  };
}

/** How long it takes, in milliseconds, until these are what was delivered last. */
export function showsMs(watched: LoopedSource, targets: readonly string[]): Promise<number> {
  return timed(() => eventually(() => expect(watched.targets()).toEqual(targets)));
}
