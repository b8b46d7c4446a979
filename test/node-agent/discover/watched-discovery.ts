import { onTestFinished } from "vitest";

import {
  BalancerDiscovery,
  type AnswerMemory,
} from "../../../node-agent/discover/balancer-discovery.ts";
import { FetchRoom } from "../../../node-agent/discover/fetch-room.ts";
import { SourceMemory } from "../../../node-agent/discover/source-memory.ts";
import type { PageServer } from "../../support/page-server.ts";
import { definedBalancer, sourceDeps } from "./source-under-test.ts";

/** The discovery of one balancer, and what it has said. */
export interface Watched {
  readonly discovery: BalancerDiscovery;
  readonly delivered: string[][];
  readonly events: string[];
  /** The balancer listens on port 1 unless told otherwise. */
  readonly change: (
    discovery: Readonly<Record<string, unknown>>,
    more?: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
  /** What was delivered last. */
  readonly hosts: () => readonly string[] | undefined;
}

/** Without a memory of its own it begins with nothing. It is stopped at the end of the test. */
export function watch(
  memory: AnswerMemory = new SourceMemory(sourceDeps.clock).of("bal_a"),
): Watched {
  const delivered: string[][] = [];
  const events: string[] = [];
  const discovery = new BalancerDiscovery({
    ...sourceDeps,
    random: () => 0.5,
    memory,
    rooms: { fetches: new FetchRoom(8), commands: new FetchRoom(8) },
    onBackends: (backends) => delivered.push(backends.map(({ host }) => host)),
    onEvent: ({ kind }, source) => events.push(`${kind} ${source.pointer} ${source.kind}`),
  });
  onTestFinished(() => discovery.stop());
  const change: Watched["change"] = (raw, more = {}) =>
    discovery.change(definedBalancer({ discovery: raw, ...more }));
  return { discovery, delivered, events, change, hosts: () => delivered.at(-1) };
}

/** A source that is written down. */
export const fixed = (...lines: readonly string[]) => ({ kind: "static", backends: lines });
/** Several sources. */
export const multi = (...sources: readonly unknown[]) => ({ kind: "multi", sources });
/** A source that reads the lines of a page. */
export const lines = ({ origin }: PageServer, terms: Readonly<Record<string, unknown>> = {}) => ({
  kind: "plaintext",
  endpoint: `${origin}/lines`,
  interval: "20ms",
  ...terms,
});
